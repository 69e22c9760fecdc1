"""What the workflow knows; plain values only, so that any process can read a checkpoint."""

from enum import StrEnum
from typing import Any, TypedDict


class WishStage(StrEnum):
    """How far a wish is."""

    INITIAL = "INITIAL"
    MEDIA_PROCESSING = "MEDIA_PROCESSING"
    REQUIREMENT_BUILDING = "REQUIREMENT_BUILDING"
    CLARIFICATION = "CLARIFICATION"
    SEARCHING = "SEARCHING"
    RANKING = "RANKING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


class NewWish(TypedDict):
    """What the graph is started with."""

    request_id: str
    user_id: str
    created_at: str
    message: str
    media: list[dict[str, Any]]
    keeps: bool
    """Whether it refines the wish before, or is another."""


class ShoppingState(NewWish, total=False):
    """Of one session; the fields of a wish are cleared when the next one begins."""

    stage: str
    heard: str
    """What was said in a recording."""
    seen: dict[str, Any]
    """What a picture shows: "colors", maybe "category", "brand"."""
    answer: str
    """To the question that was asked."""
    spec: dict[str, Any]
    """A RequirementSpec."""
    by: str
    """Who has read it: "model" or "rules"."""
    words: str
    """All that was said of the wish, for full text."""
    questions: int
    asked: str
    """The field that the question is for; empty: none is asked."""
    question: str
    suggestions: list[str]
    assumptions: list[str]
    offers: list[dict[str, Any]]
    total: int
    away: list[str]
    nearest: float
    """The lowest price without the budget, where nothing is within it; 0: none."""
    text: str
    """The answer."""
