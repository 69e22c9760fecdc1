"""The lines of a record, docs/records.md: a JSON object a line, in the order they were written.

Times are seconds since 1970 on the agent's clock. What was said and done is written as the
session's log has it (parley/app/session.py); the lines here are what the log does not say.
"""

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from parley.app.session import AgentSaid, HandedOff, Heard, PersonSaid, Resumed, ToolCalled
from parley.room_events import FloorName, TurnMoments, TurnStages

FORMAT = 1
LINES_FILE = "record.jsonl"
AUDIO_FILE = "audio.flac"
PEAKS_FILE = "peaks.u8"
FILES = (LINES_FILE, AUDIO_FILE, PEAKS_FILE)

AUDIO_RATE_HZ = 16_000
PEAK_S = 0.05
"""For each stretch of this length PEAKS_FILE has two bytes: the largest sample of the person, and
of the agent; 255 is full scale."""


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    at_s: float = Field(description="seconds since 1970 on the agent's clock")


class CallObjectives(BaseModel):
    """What is promised of a turn, in ms; what is slower counts against the call."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    response_ms: float = Field(description="end of the person's speech to first audio, p95")
    first_audio_ms: float = Field(description="text handed to a speech worker to its first audio")
    onset_to_silence_ms: float = Field(description="the person's first sound to silence, p95")


class CallBegan(_Line):
    """The first line: whose call it is, and with what it is held."""

    kind: Literal["began"] = "began"
    format: Literal[1] = 1
    id: str = Field(description="of the record; a call that goes on in another process has two")
    session: str = Field(description="of the conversation, in the session store too")
    room: str = ""
    user: str = Field("", description="the person's identity in the room")
    app: str = Field("", description="empty: the default one")
    agent: str = Field("", description="name of the agent that speaks first")
    language: str = ""
    voice: str = ""
    model: str = Field("", description="the language model's name; empty: whichever is offered")
    recognizer: str = ""
    objectives: CallObjectives


class AudioBegan(_Line):
    """The first sample of AUDIO_FILE is of `at_s`: left the person, right the agent, as the agent
    received the one and sent the other."""

    kind: Literal["audio_began"] = "audio_began"
    rate_hz: int = AUDIO_RATE_HZ
    peak_s: float = PEAK_S


class PersonCame(_Line):
    """Somebody has entered the room."""

    kind: Literal["person_came"] = "person_came"
    user: str
    name: str = ""


class PersonLeft(_Line):
    kind: Literal["person_left"] = "person_left"
    user: str


class FloorChanged(_Line):
    """As FloorEvent of the room has it."""

    kind: Literal["floor"] = "floor"
    floor: FloorName


class CutShort(_Line):
    """The person cut the reply that was sounding."""

    kind: Literal["cut"] = "cut"
    onset_at_s: float | None = Field(None, description="when the speech that cut it began")
    decided_at_s: float | None = Field(None, description="when it was decided to fall silent")


class ToolRan(_Line):
    """A tool call has ended; `tool_called` of the same `call_id` has what it was called with."""

    kind: Literal["tool"] = "tool"
    call_id: str
    name: str
    outcome: str
    took_s: float


class ErrorTold(_Line):
    """What the person was told of as an error."""

    kind: Literal["error"] = "error"
    code: str
    message: str


class WorkerTook(_Line):
    """A speech worker took an utterance, or listens from now on."""

    kind: Literal["worker"] = "worker"
    role: Literal["tts", "asr"] = "tts"
    worker: str
    voice: str = Field("", description="of an utterance, as the next")
    engine: str = ""


class StageTimes(TurnMoments):
    """When each thing of one response was, from the person's first sound to the agent's."""

    spoke_from_s: float | None = Field(None, description="the person began to speak")
    sounded_s: float | None = Field(None, description="the first audio left for the person")


class ResponseBegan(_Line):
    """A reply to the person has begun to sound. One that begins with a filler is told twice: with
    the filler, and with the answer."""

    kind: Literal["response"] = "response"
    turn_id: str = Field(description="of the answer, as in the session's log; empty: unknown")
    filler: bool = False
    stages: TurnStages
    marks: StageTimes = StageTimes()


class RecordingStopped(_Line):
    """Nothing of the call is recorded from here on."""

    kind: Literal["recording_stopped"] = "recording_stopped"
    why: str


class CallEnded(_Line):
    """The last line. `why`: ended; or lost, where the process that held the call has died."""

    kind: Literal["ended"] = "ended"
    why: Literal["ended", "lost"] = "ended"


AnyLine = (
    CallBegan
    | AudioBegan
    | PersonCame
    | PersonLeft
    | FloorChanged
    | CutShort
    | ToolRan
    | ErrorTold
    | WorkerTook
    | ResponseBegan
    | RecordingStopped
    | CallEnded
    | PersonSaid
    | AgentSaid
    | Heard
    | ToolCalled
    | HandedOff
    | Resumed
)
_line: TypeAdapter[AnyLine] = TypeAdapter(Annotated[AnyLine, Field(discriminator="kind")])


def parse(lines: Iterable[str | bytes]) -> Iterator[AnyLine]:
    """The lines that this version knows; half a line at the end, as a killed process leaves it, and
    kinds of later versions are passed over."""
    for text in lines:
        try:
            yield _line.validate_json(text)
        except ValidationError:
            continue
