"""What a call found out, for people to read."""

from collections.abc import Iterator

from caller.conversation import ReceivedReply
from caller.intelligibility import word_error_rate
from caller.report import TurnFigures


def turn_lines(turn: TurnFigures, reply: ReceivedReply | None) -> Iterator[str]:
    """A turn and the reply to it, line by line."""
    yield f"  understood  {turn.user_transcript or '(nothing)'}"
    yield f"  answered    {turn.agent_transcript or '(nothing)'}"
    if turn.response_ms is None or reply is None:
        yield "  audible     no"
        return
    stages = ", ".join(
        f"{name.removesuffix('_ms').replace('_', ' ')} {value:.0f}"
        for name, value in turn.stages.model_dump().items()
        if value is not None
    )
    yield f"  response    {turn.response_ms:.0f} ms" + (f"  ({stages})" if stages else "")
    level = reply.audio.level_dbfs
    yield f"  audible     {reply.audible_s:.1f} of {turn.reply_audio_s:.1f} s, {level:.0f} dBFS"
    if turn.reply_asr is not None:
        error = 100 * word_error_rate(turn.agent_transcript, turn.reply_asr)
        yield f"  heard as    {turn.reply_asr or '(nothing)'}  (word error {error:.0f}%)"
