"""The flat frames of WS /orchestrate: what a client may say, and how it is answered."""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from dialogue.orchestration.latency import LatencyBreakdown
from dialogue.orchestration.outputs import (
    Connected,
    CutOff,
    Problem,
    Responded,
    StateTold,
    Streamed,
    TalkOutput,
    VoiceBegan,
    VoiceEnded,
    VoiceWords,
)
from dialogue.orchestration.states import AnswerSpoken, FragmentCame, PersonSpeaks, SpeechEnded
from parley.app.events import (
    ApprovalPending,
    Clarification,
    Event,
    Filler,
    Grounded,
    Handoff,
    HangUp,
    Progress,
    Results,
    TextDelta,
    ToolFinished,
    ToolStarted,
)

MAX_TEXT = 8000
MILLISECONDS_FROM = 1e11
"""A timestamp above it is in milliseconds: as seconds it would be of the year 5138."""

Frame = dict[str, JsonValue]


class FrameError(Exception):
    """A message that cannot be taken: `code` for programs, `message` for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    session_id: str = ""


class SttFragment(_Message):
    type: Literal["stt_fragment"]
    text: str = Field(max_length=MAX_TEXT)
    is_final: bool
    timestamp: float | str | None = None


class VadEnd(_Message):
    type: Literal["vad_end"]
    confidence: float | None = None


class UserSpeaking(_Message):
    type: Literal["user_speaking"]


class TtsComplete(_Message):
    type: Literal["tts_complete"]


ClientMessage = SttFragment | VadEnd | UserSpeaking | TtsComplete
ClientEvent = FragmentCame | SpeechEnded | PersonSpeaks | AnswerSpoken

_MESSAGE: TypeAdapter[ClientMessage] = TypeAdapter(
    Annotated[ClientMessage, Field(discriminator="type")]
)


def parsed(text: str, *, session_id: str) -> ClientMessage:
    """Raises FrameError."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        raise FrameError("not_json", "a message must be JSON") from None
    if not isinstance(values, dict):
        raise FrameError("invalid_message", "a message must be an object with a type")
    try:
        message = _MESSAGE.validate_python(values)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        if problem["type"] in ("union_tag_invalid", "union_tag_not_found"):
            known = "stt_fragment, vad_end, user_speaking or tts_complete"
            raise FrameError("unknown_type", f"type must be {known}") from None
        where = ".".join(map(str, problem["loc"][1:])) or "message"
        said = problem["msg"][:1].lower() + problem["msg"][1:]
        raise FrameError("invalid_message", f"{where}: {said}") from None
    if message.session_id and message.session_id != session_id:
        raise FrameError("wrong_session", "this connection is of another session")
    return message


def as_event(message: ClientMessage, *, at_s: float) -> ClientEvent:
    """What it means to the conversation; `at_s`: when it came, seconds since 1970."""
    match message:
        case SttFragment():
            return FragmentCame(at_s, message.text, message.is_final)
        case VadEnd():
            return SpeechEnded(at_s)
        case UserSpeaking():
            return PersonSpeaks(at_s)
        case TtsComplete():
            return AnswerSpoken(at_s)


def spoken_at_s(message: ClientMessage) -> float | None:
    """When the words were over, as the client says: seconds since 1970, milliseconds, or ISO."""
    stamp = message.timestamp if isinstance(message, SttFragment) else None
    if isinstance(stamp, str):
        try:
            return datetime.fromisoformat(stamp).timestamp()
        except ValueError:
            return None
    if stamp is None:
        return None
    return stamp / 1000 if stamp > MILLISECONDS_FROM else stamp


def rendered(output: TalkOutput, *, session_id: str) -> Frame | None:
    """The frame of an output; None for audio, which is binary, and for what has no frame."""
    body = _body(output)
    if body is None:
        return None
    kind = body.pop("type")
    return {"type": kind, "session_id": session_id, **body}


def _body(output: TalkOutput) -> Frame | None:  # noqa: PLR0911 - one frame each
    match output:
        case Connected(state, turn_number, resumed):
            return {
                "type": "connected",
                "state": str(state),
                "turn_number": turn_number,
                "resumed": resumed,
                "timestamp": time.time(),
            }
        case Responded():
            again: Frame = {"resumed": True} if output.again else {}
            return {
                "type": "response",
                "state": str(output.state),
                "text": output.text,
                "latency_breakdown": breakdown(output.latency),
                "turn_number": output.turn_number,
                **again,
            }
        case CutOff(turn_number, heard):
            return {"type": "interrupt", "turn_number": turn_number, "heard": heard}
        case StateTold(old, new, why, at_s):
            frame: Frame = {"from": str(old), "to": str(new), "reason": why, "timestamp": at_s}
            return {"type": "state", **frame}
        case Problem(code, message, retryable):
            return {"type": "error", "code": code, "message": message, "retryable": retryable}
        case VoiceBegan(turn_number, rate_hz):
            return {
                "type": "audio_begin",
                "turn_number": turn_number,
                "format": "pcm_s16le",
                "channels": 1,
                "sample_rate_hz": rate_hz,
            }
        case VoiceWords(turn_number, words):
            shown: list[JsonValue] = [
                {"word": word, "start_ms": start, "end_ms": end} for word, start, end in words
            ]
            return {"type": "words", "turn_number": turn_number, "words": shown}
        case VoiceEnded(turn_number, duration_ms):
            return {"type": "audio_end", "turn_number": turn_number, "duration_ms": duration_ms}
        case Streamed(turn_number, event):
            streamed = rendered_event(event)
            return None if streamed is None else {**streamed, "turn_number": turn_number}
        case _:
            return None


def rendered_event(event: Event) -> Frame | None:  # noqa: PLR0911 - one frame each
    """An event of the answer as `stream=1`, and server-sent events, have it."""
    match event:
        case TextDelta(text):
            return {"type": "delta", "text": text}
        case Filler(text):
            return {"type": "filler", "text": text}
        case ToolStarted(call_id, name):
            return {"type": "tool_started", "call_id": call_id, "name": name}
        case ToolFinished(call_id, name, _, outcome):
            return {"type": "tool_finished", "call_id": call_id, "name": name, "outcome": outcome}
        case ApprovalPending(approval_id, tool, arguments):
            return {
                "type": "approval_pending",
                "approval_id": approval_id,
                "tool": tool,
                "arguments": dict(arguments),
            }
        case Grounded():
            return {"type": "grounded", **_json(asdict(event))}
        case Progress(message, share):
            return {"type": "progress", "message": message, "share": share}
        case Clarification(question, options):
            return {"type": "clarification", "question": question, "options": list(options)}
        case Results(items):
            return {"type": "results", "items": [dict(item) for item in items]}
        case Handoff(agent):
            return {"type": "handoff", "agent": agent}
        case HangUp():
            return {"type": "hang_up"}
        case _:
            return None


def breakdown(latency: LatencyBreakdown) -> Frame:
    """The seven figures of the contract."""
    return {
        name: getattr(latency, name)
        for name in ("stt_ms", "intent_ms", "rag_ms", "parallel_ms", "llm_ms", "tts_ms", "total_ms")
    }


def _json(values: Mapping[str, object]) -> Frame:
    loaded: Frame = json.loads(json.dumps(values))
    return loaded
