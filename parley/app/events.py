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
    name: str
    arguments: Mapping[str, JsonValue]


@dataclass(frozen=True)
class ToolFinished:
    """A tool call has ended. `outcome` and `result` as in `ToolCalled`; `took_s` in seconds."""

    call_id: str
    name: str
    arguments: Mapping[str, JsonValue]
    outcome: str
    result: str
    took_s: float


@dataclass(frozen=True)
class Progress:
    """How far something is that takes long; `share` from 0 to 1 where it is known."""

    message: str
    share: float | None = None


@dataclass(frozen=True)
class Clarification:
    """A question whose answer is needed before the engine can go on."""

    question: str
    options: Sequence[str] = ()


@dataclass(frozen=True)
class Results:
    """Something to show beside what is said."""

    items: Sequence[Mapping[str, JsonValue]]


@dataclass(frozen=True)
class Handoff:
    """Another agent has taken over.

    The respond that yields it ends after it; the front then calls `respond` with an empty text,
    and the new agent speaks, in its own voice and language where it has them.
    """

    agent: str
    keeps: int | None = None
    """Entries of the log that are shown to it; None: all."""


@dataclass(frozen=True)
class ApprovalPending:
    """A tool call waits for somebody's approval."""

    approval_id: str
    tool: str
    arguments: Mapping[str, JsonValue]


@dataclass(frozen=True)
class HangUp:
    """The conversation is to end once what was said before this has been heard."""


@dataclass(frozen=True)
class Error:
    """The answer has failed. `code` is for programs, `message` for people."""

    code: str
    message: str
    retryable: bool = False


@dataclass(frozen=True)
class Usage:
    """Tokens that an answer took, over all requests to the model."""

    input_tokens: int = 0
    output_tokens: int = 0


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
    | Handoff
    | ApprovalPending
    | HangUp
    | Error
    | Done
)
