"""The messages of WS /ws/chat: what a client may say, and an engine's events as frames."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from parley.app.app_service import Media
from parley.app.events import (
    Clarification,
    Done,
    Error,
    Event,
    Filler,
    Progress,
    Results,
    TextDelta,
    ToolStarted,
)

LONGEST_MESSAGE = 4000
MOST_MEDIA = 4

FrameType = Literal["connected", "progress", "token", "clarification", "results", "done", "error"]


class ChatMedia(BaseModel):
    """A picture or recording that was uploaded before."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    media_type: Literal["image", "audio"]
    s3_key: str = Field(min_length=1, max_length=512)
    content_type: str = Field("", max_length=100)
    size_bytes: int = Field(0, ge=0)

    def as_media(self) -> Media:
        return Media(self.media_type, self.s3_key, self.content_type, self.size_bytes)


class ChatMessage(BaseModel):
    """What a client says."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: Literal["message"]
    message: str = Field("", max_length=LONGEST_MESSAGE)
    media: tuple[ChatMedia, ...] = Field((), max_length=MOST_MEDIA)


class ChatMessageError(Exception):
    """A message that is none; its text is for whoever writes the client."""


def parsed_message(text: str) -> ChatMessage:
    """Raises ChatMessageError."""
    try:
        message = ChatMessage.model_validate_json(text)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"]) or "message"
        raise ChatMessageError(f"{place}: {problem['msg'].lower()}") from None
    if not message.message.strip() and not message.media:
        raise ChatMessageError("message: there is nothing in it")
    return message


def frame(kind: FrameType, data: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """As it is sent: `timestamp` is ISO 8601 in UTC."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"type": kind, "data": dict(data), "timestamp": now}


def error_frame(code: str, message: str, *, retryable: bool) -> dict[str, JsonValue]:
    return frame("error", {"code": code, "message": message, "retryable": retryable})


@dataclass
class AnswerFrames:
    """The frames of one answer; what a client cannot be shown has none."""

    text: str = ""
    """All tokens so far."""
    outcome: str = "done"
    """How it ended: "done", "clarification", or an error's code."""
    _begun: bool = field(default=False, init=False)

    def of(  # noqa: PLR0911 - one for each event
        self, event: Event
    ) -> list[dict[str, JsonValue]]:
        """A question ends an answer without `done`: it waits for the person."""
        match event:
            case TextDelta(text) if text:
                self.text += text
                return [frame("token", {"content": text, "is_complete": False})]
            case Filler(text):
                return [frame("progress", {"step": "waiting", "message": text})]
            case Progress(message=message, step=step):
                return [frame("progress", {"step": step, "message": message})]
            case ToolStarted(name=name):
                return [frame("progress", {"step": name, "message": f"Using {name}."})]
            case Clarification(question, options):
                self.outcome = "clarification"
                return [
                    frame("clarification", {"question": question, "suggestions": list(options)})
                ]
            case Results(items, total, asked):
                shown: list[JsonValue] = [dict(item) for item in items]
                count = len(shown) if total is None else total
                return [
                    frame(
                        "results",
                        {
                            "products": shown,
                            "total_count": count,
                            "requirement_spec": dict(asked),
                        },
                    )
                ]
            case Error(code, message, retryable):
                self.outcome = code
                return [error_frame(code, message, retryable=retryable)]
            case Done():
                return self._end()
        return []

    def _end(self) -> list[dict[str, JsonValue]]:
        frames = []
        if self.text:
            frames.append(frame("token", {"content": "", "is_complete": True}))
        if self.outcome == "done":
            frames.append(frame("done", {"message": self.text}))
        return frames
