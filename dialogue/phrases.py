"""What the agent says of itself, in one language: fillers, apologies, a closing."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Phrases:
    """Whole sentences, without space around them."""

    slow_model: Sequence[tuple[float, str]]
    """What is said, and after how many seconds of silence, while the model has no word yet."""
    slow_tool: Sequence[str]
    """Said one after the other while a tool runs."""
    apology: str
    """The model failed, or had nothing to say."""
    tool_failed: str
    """A tool failed, and the model failed to say so."""
    still_there: Sequence[str]
    """Said one after the other when the person says nothing."""
    closing: str
    """Said before the agent hangs up."""
    resumed: str
    """Said when another process goes on with a conversation that was lost."""


ENGLISH = Phrases(
    slow_model=(
        (3.0, "One moment, please."),
        (4.0, "I'm still thinking."),
        (6.0, "This takes longer than usual."),
    ),
    slow_tool=(
        "One moment, please.",
        "I'm still on it.",
        "This takes a little longer.",
        "Thank you for waiting, I'm still on it.",
    ),
    apology="Sorry, I lost my connection for a moment. Could you say that again?",
    tool_failed="Sorry, that did not work.",
    still_there=("Are you still there?", "I can't hear you. Are you still there?"),
    closing="Goodbye!",
    resumed="Sorry, we were cut off for a moment. I'm back.",
)


def phrases_of(language: str) -> Phrases:
    """Those of the language, "en" or "en-GB"; English where there are none."""
    return ENGLISH
