"""Builds the requirement: by the model where it can fill a form, by rules where it cannot."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import JsonValue, ValidationError

from apps.shopping.catalog.goods import BRANDS, BY_NAME, COLORS, FEATURES, KINDS
from apps.shopping.requirement import RequirementSpec
from apps.shopping.understanding.rules import spec_from
from parley import LanguageModel, LanguageModelError

_INSTRUCTIONS = (
    "You read what a shopper wants and fill in a form. Fill in only what they say; leave out "
    "everything else, and guess nothing. Numbers may be spelled out. 'not HP' goes into "
    "brands_unwanted. Of 'under 1000' budget_max is 999.99, of 'up to 1000' it is 1000. Categories "
    f"are: {', '.join(BY_NAME)}. Colors are: {', '.join(COLORS)}. Features are: "
    f"{', '.join(feature.name for feature in FEATURES)}."
)

_log = logging.getLogger(__name__)


@dataclass
class SpecBuilder:
    """Of one process; remembers how it has gone, for `/health`."""

    model_failures: int = 0
    last_failure: str = ""
    filled: dict[str, int] = field(default_factory=lambda: {"model": 0, "rules": 0})

    async def build(
        self, text: str, *, model: LanguageModel | None, asked: str = "", category: str = ""
    ) -> tuple[RequirementSpec, str]:
        """What the text says of a wish, and who has read it: "model" or "rules".

        What rules find beside the model's own is taken too: a constraint that somebody has stated
        is not lost because a model overlooks it.
        """
        by_rules = spec_from(text, asked=asked, category=category)
        if model is None or not model.fills_forms:
            return self._told(by_rules, "rules")
        try:
            form = await model.fill(_INSTRUCTIONS, _asked(text, asked, category), _SCHEMA)
            by_model = RequirementSpec.model_validate(_cleaned(form))
        except (LanguageModelError, ValidationError) as error:
            self.model_failures += 1
            self.last_failure = (
                type(error).__name__ if isinstance(error, ValidationError) else str(error)
            )
            _log.warning("rules fill the requirement: %s", self.last_failure)
            return self._told(by_rules, "rules")
        return self._told(by_rules.refined(_known(by_model)), "model")

    def _told(self, spec: RequirementSpec, by: str) -> tuple[RequirementSpec, str]:
        self.filled[by] += 1
        return spec, by


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


def _known(spec: RequirementSpec) -> RequirementSpec:
    """The requirement in the words of the catalogues: what they do not know cannot be searched
    for by name."""
    category = spec.category.strip().lower()
    if category not in BY_NAME:
        category = next((k.name for k in KINDS if category and category in k.called), "")
    brands = {brand.lower(): brand for brand in BRANDS}

    def known(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(brands.get(name.lower(), name) for name in names)

    return spec.model_copy(
        update={
            "category": category,
            "brands": known(spec.brands),
            "brands_unwanted": known(spec.brands_unwanted),
        }
    )
