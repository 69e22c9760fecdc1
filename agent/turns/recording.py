"""A call's turn-taking, recorded: everything that barge-in was told, and what became of the floor.

One JSON object a line. The same inputs give the same floors again, on any machine and at any
speed: a fault in turn-taking is reported as a recording, and `replay` shows it.
"""

import base64
import hashlib
from collections.abc import Callable, Iterable
from typing import Annotated, Literal

import numpy as np
from livekit import rtc
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from agent.turns.barge_in import SAMPLE_RATE_HZ, BargeIn, Cut, Voice
from agent.turns.floor import Floor, FloorPolicy
from parley.app.turn_policy import TurnPolicy
from parley.audio import Samples
from parley.clock import Clock, monotonic
from parley.errors import ParleyError

FORMAT = 2


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Opening(_Line):
    """The first line, and one for each agent that takes over."""

    kind: Literal["opening"] = "opening"
    format: Literal[2] = 2
    policy: dict[str, float]


class InputEvent(_Line):
    """Something that barge-in was told, and what it was told of the agent's voice then."""

    kind: Literal["frame", "words", "time_passes", "agent_thinks", "agent_speaks", "agent_stops"]
    at_s: float
    heard_text: str = ""
    said_lately: str = Field("", description="given with words")
    text: str = ""
    confidence: float = 1.0
    final: bool = False
    pcm_s16le: str = Field("", description="of the microphone: 16 kHz mono, base64")
    awaited: bool = Field(False, description="an answer was, and nothing of it sounded")
    sounded_samples: int = Field(0, description="what sounded of the agent's voice meanwhile")
    sounded_s16le: str = Field("", description="the same; empty: silence")


class FloorChange(_Line):
    """The floor became this."""

    kind: Literal["floor"] = "floor"
    at_s: float
    floor: str


Line = Annotated[Opening | InputEvent | FloorChange, Field(discriminator="kind")]
_line: TypeAdapter[Opening | InputEvent | FloorChange] = TypeAdapter(Line)


class RecordingError(ParleyError):
    """A recording that cannot be read."""


class _Seen:
    """The agent's voice as it was at one moment; what is done to it is passed on."""

    def __init__(self, voice: Voice) -> None:
        self.heard_text = ""
        self.said_lately = ""
        self.sounded = np.empty(0, np.int16)
        self.duck, self.unduck = voice.duck, voice.unduck
        self.hold, self.release = voice.hold, voice.release

    def take_sounded(self) -> Samples:
        return self.sounded


class RecordedBargeIn(BargeIn):
    """Barge-in that writes down what it is told, line by line."""

    def __init__(
        self,
        voice: Voice,
        *,
        policy: FloorPolicy,
        write: Callable[[str], None],
        on_yield: Callable[[Cut], None],
        on_floor: Callable[[Floor], None] = lambda floor: None,
        words: TurnPolicy | None = None,
        answer_is_awaited: Callable[[], bool] = lambda: False,
        clock: Clock = monotonic,
    ) -> None:
        self._real_voice, self._real_clock = voice, clock
        self._is_awaited, self._awaited = answer_is_awaited, False
        self._at_s = clock()
        self._seen = _Seen(voice)
        self._write = write
        write(Opening(policy=vars(policy)).model_dump_json())

        def changed(floor: Floor) -> None:
            write(FloorChange(at_s=self._at_s, floor=floor.value).model_dump_json())
            on_floor(floor)

        super().__init__(
            self._seen,
            policy=policy,
            on_yield=on_yield,
            on_floor=changed,
            words=words,
            answer_is_awaited=lambda: self._awaited,
            clock=lambda: self._at_s,
        )

    def judge_by(self, policy: FloorPolicy, words: TurnPolicy) -> None:
        self._write(Opening(policy=vars(policy)).model_dump_json())
        super().judge_by(policy, words)

    def push_audio(self, frame: rtc.AudioFrame) -> rtc.AudioFrame:
        sounded = self._seen.sounded = self._real_voice.take_sounded()
        self._awaited = self._is_awaited()
        self._note(
            "frame",
            awaited=self._awaited,
            pcm_s16le=base64.b64encode(bytes(frame.data)).decode(),
            sounded_samples=len(sounded),
            sounded_s16le=base64.b64encode(sounded.tobytes()).decode() if sounded.any() else "",
        )
        return super().push_audio(frame)

    def push_transcript(self, text: str, *, confidence: float = 1.0, final: bool = False) -> bool:
        self._seen.said_lately = self._real_voice.said_lately
        said_lately = self._seen.said_lately
        self._note("words", text=text, confidence=confidence, final=final, said_lately=said_lately)
        return super().push_transcript(text, confidence=confidence, final=final)

    def time_passes(self) -> None:
        self._note("time_passes")
        super().time_passes()

    def agent_thinks(self) -> None:
        self._note("agent_thinks")
        super().agent_thinks()

    def agent_speaks(self) -> None:
        self._note("agent_speaks")
        super().agent_speaks()

    def agent_stops(self) -> None:
        self._note("agent_stops")
        super().agent_stops()

    def _note(self, kind: str, **what: object) -> None:
        self._at_s = self._real_clock()
        heard = self._seen.heard_text = self._real_voice.heard_text
        line = InputEvent.model_validate(
            {"kind": kind, "at_s": self._at_s, "heard_text": heard, **what}
        )
        self._write(line.model_dump_json())


class _Replay:
    """Barge-in told what was recorded, its clock turned to each line; the agent's voice sounds as
    it did, whatever is done about it."""

    def __init__(self, opening: Opening) -> None:
        self.floors: list[FloorChange] = []
        self.heard_text = ""
        self.said_lately = ""
        self._sounded = np.empty(0, np.int16)
        self._awaited = False
        self._at_s = 0.0
        self._barge_in = BargeIn(
            self,
            policy=FloorPolicy(**opening.policy),
            on_yield=lambda cut: None,
            on_floor=self._turned,
            answer_is_awaited=lambda: self._awaited,
            clock=lambda: self._at_s,
        )

    def duck(self) -> None: ...

    def unduck(self) -> None: ...

    def hold(self, by: str) -> None: ...

    def release(self, by: str) -> None: ...

    def take_sounded(self) -> Samples:
        return self._sounded

    def judge_by(self, opening: Opening) -> None:
        self._barge_in.judge_by(FloorPolicy(**opening.policy), self._barge_in.turns.words)

    def take(self, event: InputEvent) -> None:
        self._at_s = event.at_s
        self.heard_text, self.said_lately = event.heard_text, event.said_lately
        sounded = np.frombuffer(base64.b64decode(event.sounded_s16le), np.int16)
        self._sounded = sounded if len(sounded) else np.zeros(event.sounded_samples, np.int16)
        self._awaited = event.awaited
        match event.kind:
            case "frame":
                pcm = base64.b64decode(event.pcm_s16le)
                self._barge_in.push_audio(rtc.AudioFrame(pcm, SAMPLE_RATE_HZ, 1, len(pcm) // 2))
            case "words":
                self._barge_in.push_transcript(
                    event.text, confidence=event.confidence, final=event.final
                )
            case "time_passes":
                self._barge_in.time_passes()
            case "agent_thinks":
                self._barge_in.agent_thinks()
            case "agent_speaks":
                self._barge_in.agent_speaks()
            case "agent_stops":
                self._barge_in.agent_stops()

    def _turned(self, floor: Floor) -> None:
        self.floors.append(FloorChange(at_s=self._at_s, floor=floor.value))


def replay(lines: Iterable[str]) -> tuple[list[FloorChange], list[FloorChange]]:
    """The floors as they were recorded, and as the inputs give them again, on a fake clock.

    Raises RecordingError.
    """
    recorded: list[FloorChange] = []
    again: _Replay | None = None
    for number, text in enumerate(lines, 1):
        line = _parsed(text, number)
        match line:
            case Opening():
                if again is None:
                    again = _Replay(line)
                else:
                    again.judge_by(line)
            case FloorChange():
                recorded.append(line)
            case InputEvent():
                if again is None:
                    raise RecordingError(f"line {number}: the recording has no opening")
                again.take(line)
    if again is None:
        raise RecordingError("the recording is empty")
    return recorded, again.floors


def fingerprint(floors: Iterable[FloorChange]) -> str:
    """SHA-256 of the decisions and their times."""
    text = "\n".join(f"{change.at_s:.6f} {change.floor}" for change in floors)
    return hashlib.sha256(text.encode()).hexdigest()


def _parsed(text: str, number: int) -> Opening | InputEvent | FloorChange:
    try:
        return _line.validate_json(text)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"])) or "the line"
        raise RecordingError(f"line {number}: {place}: {problem['msg']}") from None
