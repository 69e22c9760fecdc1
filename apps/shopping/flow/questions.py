"""What is asked before a search, and what is assumed where nobody says."""

import re
from dataclasses import dataclass

from apps.shopping.catalog.goods import GoodsKind
from apps.shopping.requirement import RequirementSpec
from apps.shopping.understanding.rules import reading_of
from apps.shopping.understanding.vocabulary import BUILT_IN, ShopWords

ASKED_AT_MOST = 2
_SUGGESTED_KINDS = ("laptop", "headphones", "running shoes", "backpack", "coffee maker")
_NEW_WISH = re.compile(
    r"^\W*(?:forget|never ?mind|start over|scratch that|no,? (?:i|let)|something else"
    r"|actually,? (?:i|let))\b",
    re.IGNORECASE,
)
_WANTS = re.compile(
    r"^\W*(?:i (?:want|need|would like)|i'd like|i'm looking for|i am looking for|looking for"
    r"|find me|show me|get me)\s+(?:an?|some)\s+"
    r"(?!one\b|size|small|medium|large|big|cheap|pair)[a-z]",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class ClarifyingQuestion:
    """`field` is what it asks for: "category", "size" or "budget"."""

    field: str
    text: str
    suggestions: tuple[str, ...]


def question_for(
    spec: RequirementSpec, asked_before: int, last: str, vocabulary: ShopWords = BUILT_IN
) -> ClarifyingQuestion | None:
    """What has to be asked; None: it can be searched for. A question is not asked twice."""
    if asked_before >= ASKED_AT_MOST:
        return None
    if not spec.category:
        if last == "category":
            return None
        return ClarifyingQuestion(
            "category", "What kind of product are you looking for?", _SUGGESTED_KINDS
        )
    kind = vocabulary.kind(spec.category)
    return None if kind is None else _of_kind(kind, spec, last)


def _of_kind(kind: GoodsKind, spec: RequirementSpec, last: str) -> ClarifyingQuestion | None:
    if kind.size_kind in ("shoe", "clothing") and not spec.attributes.sizes and last != "size":
        return ClarifyingQuestion("size", f"Which size of {_many(kind)}?", _some(kind.sizes))
    if spec.is_open and last != "budget":
        return ClarifyingQuestion(
            "budget", f"What is your budget for the {kind.name}?", _budgets(kind)
        )
    return None


def assumptions_of(spec: RequirementSpec, vocabulary: ShopWords = BUILT_IN) -> list[str]:
    """What a search without an answer takes for granted, in words."""
    kind = vocabulary.kind(spec.category)
    assumed = []
    if not spec.category:
        assumed.append("any kind of product")
    if spec.budget_max is None:
        assumed.append("any price")
    if kind is not None and kind.size_kind in ("shoe", "clothing") and not spec.attributes.sizes:
        assumed.append("any size")
    return assumed


def is_new_wish(
    text: str, spec: RequirementSpec, asked: str, vocabulary: ShopWords = BUILT_IN
) -> bool:
    """Whether a text that comes while a question is pending is no answer to it."""
    if _NEW_WISH.search(text):
        return True
    if asked == "category":
        return False
    reading = reading_of(text, asked=asked, category=spec.category, vocabulary=vocabulary)
    if reading.kinds:
        return reading.kinds[0] != spec.category
    # "I want a guitar": goods that no catalogue knows are no size.
    says = reading.spec.model_copy(update={"use": ""})
    return says.says_nothing and bool(_WANTS.search(text))


def refines(text: str, spec: RequirementSpec, vocabulary: ShopWords = BUILT_IN) -> bool:
    """Whether a text without a question belongs to the wish before it."""
    if not spec.category:
        return False
    reading = reading_of(text, category=spec.category, vocabulary=vocabulary)
    says = reading.spec
    kind = vocabulary.kind(spec.category)
    if kind is not None and says.use not in kind.uses:  # "something for my mother" says nothing
        says = says.model_copy(update={"use": ""})
    is_more = not says.says_nothing or bool(reading.freed)
    return not says.category and is_more


def _budgets(kind: GoodsKind) -> tuple[str, ...]:
    span = kind.dearest - kind.cheapest
    bounds = (kind.cheapest + span * share for share in (0.1, 0.3, 0.6))
    return (*(f"Under ${_round(bound)}" for bound in bounds), "Any price")


def _round(value: float) -> int:
    step = 10 if value < 200 else 50 if value < 1000 else 100
    return max(step, round(value / step) * step)


def _some(sizes: tuple[str, ...]) -> tuple[str, ...]:
    return (*(sizes if len(sizes) <= 6 else sizes[1::2]), "Any size")


def _many(kind: GoodsKind) -> str:
    name = kind.name
    return name if name.endswith("s") else f"{name}s"
