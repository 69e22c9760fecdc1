"""Builds the requirement: by the model where it can fill a form, by rules where it cannot."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import JsonValue, ValidationError

from apps.shopping.catalog.goods import COLORS, FEATURES
from apps.shopping.requirement import Attributes, RequirementSpec
from apps.shopping.understanding.agreeing import agreed
from apps.shopping.understanding.rules import Reading, reading_of
from apps.shopping.understanding.vocabulary import BUILT_IN, ShopWords
from parley import LanguageModel, LanguageModelError

_INSTRUCTIONS = (
    "You read what a shopper wants and fill in a form. Fill in only what they say; leave out "
    "everything else, and guess nothing. Numbers may be spelled out. 'not HP' goes into "
    "brands_unwanted. budget_max is the highest price that is allowed: of 'under N' one cent "
    "below N. Categories "
    f"are: {{categories}}. Colors are: {', '.join(COLORS)}. Features are: "
    f"{', '.join(feature.name for feature in FEATURES)}."
)

_log = logging.getLogger(__name__)


@dataclass
class SpecBuilder:
    """Of one process; remembers how it has gone, for `/health`."""

    vocabulary: ShopWords = BUILT_IN
    model_failures: int = 0
    last_failure: str = ""
    filled: dict[str, int] = field(default_factory=lambda: {"model": 0, "rules": 0})

    async def build(
        self, text: str, *, model: LanguageModel | None, asked: str = "", category: str = ""
    ) -> "BuiltSpec":
        """What the text says of a wish.

        A constraint that rules have read is not lost, nor loosened, because a model reads it
        otherwise: see `agreed`.
        """
        reading = reading_of(text, asked=asked, category=category, vocabulary=self.vocabulary)
        by_rules = reading.spec
        if model is None or not model.fills_forms:
            return self._told(by_rules, "rules", reading)
        try:
            by_model = await self.form_of(text, model, asked=asked, category=category)
        except (LanguageModelError, ValidationError) as error:
            self.model_failures += 1
            self.last_failure = (
                type(error).__name__ if isinstance(error, ValidationError) else str(error)
            )
            _log.warning("rules fill the requirement: %s", self.last_failure)
            return self._told(by_rules, "rules", reading)
        both = agreed(reading, by_model, self.vocabulary)
        return self._told(both, "model", reading)

    async def form_of(
        self, text: str, model: LanguageModel, *, asked: str = "", category: str = ""
    ) -> RequirementSpec:
        """What the model alone makes of the text. Raises LanguageModelError, and ValidationError
        for a form with a wrong value."""
        form = await model.fill(self._instructions, _asked(text, asked, category), _SCHEMA)
        return _known(_validated(form), self.vocabulary)

    @property
    def _instructions(self) -> str:
        categories = ", ".join(kind.name for kind in self.vocabulary.kinds)
        return _INSTRUCTIONS.format(categories=categories)

    def _told(self, spec: RequirementSpec, by: str, reading: Reading) -> "BuiltSpec":
        self.filled[by] += 1
        return BuiltSpec(spec, by, reading.freed)


@dataclass(frozen=True)
class BuiltSpec:
    """`by`: who has read it, "model" or "rules"; `freed`: fields that do not matter any more, see
    Reading."""

    spec: RequirementSpec
    by: str
    freed: frozenset[str] = frozenset()


def _schema() -> dict[str, JsonValue]:
    schema: dict[str, JsonValue] = json.loads(json.dumps(RequirementSpec.model_json_schema()))
    return {**schema, "title": "requirement", "description": "What the shopper wants."}


_SCHEMA = _schema()
_LISTS = frozenset(("brands", "brands_unwanted", *Attributes.model_fields))


def _asked(text: str, asked: str, category: str) -> str:
    before = f"They want: {category}. " if category else ""
    question = f"They were asked for their {asked}. " if asked else ""
    return f"{before}{question}They say: {text}"


def _validated(form: Mapping[str, JsonValue]) -> RequirementSpec:
    """The requirement without the fields that have a wrong value. What belongs to the attributes
    may stand beside them. Raises ValidationError where nothing can be made of it."""
    found = _cleaned(form)
    own = found.get("attributes")
    wants = own if isinstance(own, dict) else {}
    found["attributes"] = {
        **{name: found.pop(name) for name in Attributes.model_fields if name in found},
        **wants,
    }
    try:
        return RequirementSpec.model_validate(found)
    except ValidationError as error:
        for problem in error.errors():
            field, *inner = [str(part) for part in problem["loc"]]
            if field == "attributes" and inner:
                found[field].pop(inner[0], None)
            else:
                found.pop(field, None)
    return RequirementSpec.model_validate(found)


def _cleaned(form: Mapping[str, JsonValue]) -> dict[str, Any]:
    """Without what a model writes where it has nothing to say; one name in place of a list is a
    list."""
    found: dict[str, Any] = {}
    for name, value in form.items():
        if isinstance(value, Mapping):
            found[name] = _cleaned(value)
        elif name in _LISTS and value not in (None, ""):
            several = value if isinstance(value, list) else str(value).split(",")
            found[name] = [str(each).strip() for each in several if each not in (None, "")]
        elif value not in (None, ""):
            found[name] = value
    for name in ("budget_max", "budget_min"):
        if found.get(name) == 0:
            del found[name]
    return found


def _known(spec: RequirementSpec, vocabulary: ShopWords) -> RequirementSpec:
    """The requirement in the words of the catalogues: what they do not know cannot be searched
    for by name."""
    kind = vocabulary.called(spec.category) if spec.category.strip() else None
    brands = {**{b.lower(): b for b in vocabulary.brands.values()}, **vocabulary.brands}

    def known(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(brands.get(name.lower(), name) for name in names)

    def colors(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(vocabulary.colors.get(name, name) for name in names)

    def features(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(vocabulary.features[name] for name in names if name in vocabulary.features)

    own = spec.attributes
    return spec.model_copy(
        update={
            "category": kind.name if kind else "",
            "brands": known(spec.brands),
            "brands_unwanted": known(spec.brands_unwanted),
            "attributes": Attributes(
                colors=colors(own.colors),
                colors_unwanted=colors(own.colors_unwanted),
                sizes=own.sizes,
                features=features(own.features),
                features_unwanted=features(own.features_unwanted),
            ),
        }
    )
