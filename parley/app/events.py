"""What an engine answers with. A front renders what it can and ignores what it does not know."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue


@dataclass(frozen=True)
class TextDelta:
    """The next piece of the answer; remembered as far as it is heard."""

    text: str


@dataclass(frozen=True)
class Filler:
    """Said to bridge a wait, and not remembered."""

    text: str


@dataclass(frozen=True)
class ToolStarted:
    """A tool has begun to run."""

    call_id: str
    """The same in the `ToolFinished` that follows."""
    name: str
    """Of the tool."""
    arguments: Mapping[str, JsonValue]
    """As the model gave them."""


@dataclass(frozen=True)
class ToolFinished:
    """A tool call has ended."""

    call_id: str
    """As in the `ToolStarted` before it."""
    name: str
    """Of the tool."""
    arguments: Mapping[str, JsonValue]
    outcome: str
    """"done", "failed", "cancelled", "refused", or "pending": it waits for somebody's approval."""
    result: str
    """What the model was told: the tool's answer, or why there is none."""
    took_s: float
    """Seconds that it ran."""


@dataclass(frozen=True)
class Progress:
    """How far something is that takes long."""

    message: str
    """For people."""
    share: float | None = None
    """From 0 to 1; None: not known."""
    step: str = ""
    """For programs: what is being done, for example "searching"."""


@dataclass(frozen=True)
class Clarification:
    """A question whose answer is needed before the engine can go on."""

    question: str
    options: Sequence[str] = ()
    """The answers that are possible; empty: any."""


@dataclass(frozen=True)
class Results:
    """Something to show beside what is said."""

    items: Sequence[Mapping[str, JsonValue]]
    """Objects that the client knows how to show."""
    total: int | None = None
    """How many there are; None: as many as `items`."""
    asked: Mapping[str, JsonValue] = field(default_factory=dict)
    """What they answer, as the engine understood it."""


@dataclass(frozen=True, kw_only=True)
class Grounded:
    """What was found out about the turn before it is answered; nothing of it is said."""

    intent: str = ""
    """Its name; empty: not told, or not in time."""
    confidence: float = 0.0
    """Of the intent, from 0 to 1."""
    sources: Sequence[str] = ()
    """Of the passages that the answer is given; best first, each once."""
    intent_ms: float | None = None
    """Milliseconds that telling the intent took; None: it was not asked for."""
    retrieval_ms: float | None = None
    """Milliseconds that finding passages took; None: they were not asked for."""
    took_ms: float = 0.0
    """Milliseconds that both took, side by side."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """"intent" or "retrieval" where it was left out, and why: "late" or "failed"."""


@dataclass(frozen=True)
class Handoff:
    """Another agent has taken over.

    The respond that yields it ends after it; the front then calls `respond` with an empty text,
    and the new agent speaks, in its own voice and language where it has them.
    """

    agent: str
    """Its name."""
    keeps: int | None = None
    """Entries of the log that are shown to it; None: all."""


@dataclass(frozen=True)
class ApprovalPending:
    """A tool call waits for somebody's approval."""

    approval_id: str
    """What the approval has to name."""
    tool: str
    """The tool's name."""
    arguments: Mapping[str, JsonValue]
    """What it would be called with."""


@dataclass(frozen=True)
class HangUp:
    """The conversation is to end once what was said before this has been heard."""


@dataclass(frozen=True)
class Error:
    """The answer has failed."""

    code: str
    """For programs, for example "model_unavailable"."""
    message: str
    """For people: one sentence."""
    retryable: bool = False
    """Asking again may succeed."""


@dataclass(frozen=True)
class Usage:
    """Tokens that an answer took, over all requests to the model."""

    input_tokens: int = 0
    """What the model read."""
    output_tokens: int = 0
    """What it wrote."""


@dataclass(frozen=True)
class Done:
    """The answer is complete; the last event of a respond that was not cancelled."""

    usage: Usage = field(default_factory=Usage)


Event = (
    TextDelta
    | Filler
    | ToolStarted
    | ToolFinished
    | Progress
    | Clarification
    | Results
    | Grounded
    | Handoff
    | ApprovalPending
    | HangUp
    | Error
    | Done
)
"""Any of the above; a front ignores those that it does not know."""
