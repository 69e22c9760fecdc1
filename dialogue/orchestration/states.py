"""The words of the state machine: where a session stands, what happens to it, what it asks for."""

from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class DialogueState(StrEnum):
    """Who has the floor."""

    IDLE = "IDLE"
    LISTENING = "LISTENING"
    THINKING = "THINKING"
    SPEAKING = "SPEAKING"


class TurnStanding(BaseModel):
    """Where a session stands; all that another process needs to go on with it. Times are seconds
    since 1970."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    state: DialogueState = DialogueState.IDLE
    turn_number: int = 0
    """Of the turn that is thought about or answered, else of the last one; the first is 1."""
    attempt: int = 0
    """Thinkings begun so far: what belongs to an earlier one is stale."""
    finals: tuple[str, ...] = ()
    """What the person has said and the recognizer is sure of."""
    partial: str = ""
    """What it takes the rest for."""
    merges: bool = False
    """The words hold those of a turn whose thinking the person has cut short."""
    answer: str = ""
    answer_is_whole: bool = False
    since_s: float = 0.0
    """When the state was entered."""

    @property
    def words(self) -> str:
        return " ".join(filter(None, (*self.finals, self.partial)))


@dataclass(frozen=True)
class FragmentCame:
    """The recognizer's words for what is being said; each replaces the partial before it."""

    at_s: float
    text: str
    is_final: bool


@dataclass(frozen=True)
class SpeechEnded:
    """The person has stopped."""

    at_s: float


@dataclass(frozen=True)
class PersonSpeaks:
    """The person has begun to speak."""

    at_s: float


@dataclass(frozen=True)
class AnswerBegan:
    """The first of the answer goes out, before the rest is made."""

    at_s: float
    attempt: int


@dataclass(frozen=True)
class AnswerMade:
    """The answer, or the apology for there being none, is whole."""

    at_s: float
    attempt: int
    text: str


@dataclass(frozen=True)
class AnswerSpoken:
    """The answer has sounded to its end; `attempt` is None where the client says so."""

    at_s: float
    attempt: int | None = None


@dataclass(frozen=True)
class ConnectionCame:
    """A client is there, for a session that stands somewhere."""

    at_s: float


@dataclass(frozen=True)
class AgentHasNews:
    """The agent has something to say by itself: a call that waited for approval has ended."""

    at_s: float


DialogueEvent = (
    FragmentCame
    | SpeechEnded
    | PersonSpeaks
    | AnswerBegan
    | AnswerMade
    | AnswerSpoken
    | ConnectionCame
    | AgentHasNews
)


@dataclass(frozen=True)
class StateChanged:
    old: DialogueState
    new: DialogueState
    why: str
    at_s: float
    after_s: float
    """Seconds that the old state lasted."""


@dataclass(frozen=True)
class Think:
    """Begin to answer `text`; `ended_s` is when the person stopped. Without a text the agent is to
    speak by itself."""

    attempt: int
    turn_number: int
    text: str
    ended_s: float
    again: bool = False
    """Another process, or another connection, has begun it before."""


@dataclass(frozen=True)
class StopThinking:
    attempt: int
    begun: bool = False
    """The first of the answer has gone out: StopSpeaking follows."""


@dataclass(frozen=True)
class Respond:
    """Give the client the answer."""

    attempt: int
    turn_number: int
    text: str
    again: bool = False
    """A client before this one may have had it."""


@dataclass(frozen=True)
class TellInterrupt:
    """The person has cut the answer short."""

    attempt: int


@dataclass(frozen=True)
class StopSpeaking:
    """No more of the answer will be heard."""

    attempt: int
    interrupted: bool


@dataclass(frozen=True)
class Reject:
    """What came is out of place; the conversation goes on."""

    code: str
    message: str


DialogueEffect = (
    StateChanged | Think | StopThinking | Respond | TellInterrupt | StopSpeaking | Reject
)
