"""What a call found out: one JSON document for programs, lines for people."""

from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict

from caller.intelligibility import word_error_rate
from parley.room_events import TurnStages


class TurnReport(BaseModel):
    """One recording and the answer to it, as `call --json` gives it."""

    model_config = ConfigDict(frozen=True)

    file: str
    user_transcript: str
    agent_transcript: str
    response_ms: float | None
    """End of the caller's speech to the first audible sample of the reply; None: no reply."""
    stages: TurnStages
    reply_audio_s: float
    """First to last audible sample of the reply."""
    reply_asr: str | None = None
    """What recognition makes of the received reply; None where none could be asked."""


class CallReport(BaseModel):
    """A whole call; `error` is a sentence, or None when every turn got an audible answer."""

    model_config = ConfigDict(frozen=True)

    turns: tuple[TurnReport, ...] = ()
    error: str | None = None


def turn_lines(turn: TurnReport) -> Iterator[str]:
    """A turn for people, line by line."""
    yield f"  understood  {turn.user_transcript or '(nothing)'}"
    yield f"  answered    {turn.agent_transcript or '(nothing)'}"
    if turn.response_ms is None:
        yield "  audible     no"
        return
    stages = ", ".join(
        f"{name.removesuffix('_ms').replace('_', ' ')} {value:.0f}"
        for name, value in turn.stages.model_dump().items()
        if value is not None
    )
    yield f"  response    {turn.response_ms:.0f} ms" + (f"  ({stages})" if stages else "")
    yield f"  audible     {turn.reply_audio_s:.1f} s"
    if turn.reply_asr is not None:
        error = 100 * word_error_rate(turn.agent_transcript, turn.reply_asr)
        yield f"  heard as    {turn.reply_asr or '(nothing)'}  (word error {error:.0f}%)"
