"""What a call found out, as `call --json` gives it."""

from pydantic import BaseModel, ConfigDict

from parley.room_events import TurnStages


class TurnFigures(BaseModel):
    """One recording and the answer to it."""

    model_config = ConfigDict(frozen=True)

    file: str
    user_transcript: str
    agent_transcript: str
    response_ms: float | None
    """Mouth-to-ear response latency (draft-nygate-ippm-mrl), behind the caller's jitter buffer:
    end of the caller's speech to the first audible sample of the reply; None: no reply."""
    response_at_arrival_ms: float | None = None
    """The same at the arrival of the packet: less what the jitter buffer held it back."""
    filler: bool = False
    """What was heard first was a filler, and no answer yet."""
    stages: TurnStages
    reply_audio_s: float
    """First to last audible sample of the reply."""
    reply_asr: str | None = None
    """What recognition makes of the received reply; None where none could be asked."""


class CallReport(BaseModel):
    """A whole call; `error` is a sentence, or None when every turn got an audible answer."""

    model_config = ConfigDict(frozen=True)

    turns: tuple[TurnFigures, ...] = ()
    error: str | None = None
