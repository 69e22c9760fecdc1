"""What a talk gives its client, whatever the frames look like that a front makes of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from dialogue.orchestration.latency import LatencyBreakdown
from dialogue.orchestration.states import DialogueState
from parley.app.events import Event


@dataclass(frozen=True)
class Connected:
    """Comes first. `resumed`: the session is known from before."""

    state: DialogueState
    turn_number: int
    resumed: bool


@dataclass(frozen=True)
class Responded:
    """The answer, whole."""

    state: DialogueState
    turn_number: int
    text: str
    latency: LatencyBreakdown
    intent: str = ""
    sources: Sequence[str] = ()
    again: bool = False
    """Another connection may have had it before."""


@dataclass(frozen=True)
class CutOff:
    """The person has interrupted the answer; `heard` is what they will have heard of it."""

    turn_number: int
    heard: str


@dataclass(frozen=True)
class Streamed:
    """An event of the answer that is being made."""

    turn_number: int
    event: Event


@dataclass(frozen=True)
class StateTold:
    old: DialogueState
    new: DialogueState
    why: str
    at_s: float


@dataclass(frozen=True)
class Problem:
    """Something went wrong, and the conversation goes on."""

    code: str
    message: str
    retryable: bool = False


@dataclass(frozen=True)
class VoiceBegan:
    """The answer begins to sound: what follows is 16-bit little-endian mono at this rate."""

    turn_number: int
    sample_rate_hz: int


@dataclass(frozen=True)
class VoiceWords:
    """Words of the answer with where they sound, in milliseconds from its beginning."""

    turn_number: int
    words: Sequence[tuple[str, int, int]]


@dataclass(frozen=True)
class VoiceAudio:
    """The next samples."""

    turn_number: int
    pcm_s16le: bytes


@dataclass(frozen=True)
class VoiceEnded:
    """No more audio of the answer comes."""

    turn_number: int
    duration_ms: int


TalkOutput = (
    Connected
    | Responded
    | CutOff
    | Streamed
    | StateTold
    | Problem
    | VoiceBegan
    | VoiceWords
    | VoiceAudio
    | VoiceEnded
)
