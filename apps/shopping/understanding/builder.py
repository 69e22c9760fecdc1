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
    "brands_unwanted. Of 'under 1000' budget_max is 999.99, of 'up to 1000' it is 1000. Categories "
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
        both = agreed(reading, by_model)
        return self._told(both, "model", reading)

    async def form_of(
        self, text: str, model: LanguageModel, *, asked: str = "", category: str = ""
    ) -> RequirementSpec:
        """What the model alone makes of the text. Raises LanguageModelError, and ValidationError
        for a form with a wrong value."""
        form = await model.fill(self._instructions, _asked(text, asked, category), _SCHEMA)
        return _known(RequirementSpec.model_validate(_cleaned(form)), self.vocabulary)

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


def _asked(text: str, asked: str, category: str) -> str:
    before = f"They want: {category}. " if category else ""
    question = f"They were asked for their {asked}. " if asked else ""
    return f"{before}{question}They say: {text}"


def _cleaned(form: Mapping[str, JsonValue]) -> dict[str, Any]:
    """Without what a model writes where it has nothing to say."""
    found: dict[str, Any] = {}
    for name, value in form.items():
        if isinstance(value, Mapping):
            found[name] = _cleaned(value)
        elif isinstance(value, list):
            found[name] = [each for each in value if each not in (None, "")]
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
    brands = {brand.lower(): brand for brand in vocabulary.brands.values()}

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
