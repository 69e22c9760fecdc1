"""Segments: Whisper's tokens cut at its timestamps.

The timestamps are what keeps short context from looping: a loop starts over after the sound has
ended, and says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass

TIMESTAMP_S = 0.02
"""Each timestamp token stands for a multiple of this."""

_END_MARGIN_S = 0.2


@dataclass(frozen=True)
class Segment:
    """`end_s` is None where no timestamp follows the text."""

    start_s: float
    tokens: tuple[int, ...]
    end_s: float | None = None


def segments(tokens: Sequence[int], *, end_token: int, first_timestamp: int) -> list[Segment]:
    """Text tokens are those below `end_token`, timestamps those from `first_timestamp` on."""
    found: list[Segment] = []
    start_s = 0.0
    text: list[int] = []
    for token in tokens:
        if token < end_token:
            text.append(token)
        elif token >= first_timestamp:
            at_s = (token - first_timestamp) * TIMESTAMP_S
            if text:
                found.append(Segment(start_s, tuple(text), at_s))
                text = []
            start_s = at_s
    if text:
        found.append(Segment(start_s, tuple(text)))
    return found


def within(found: Sequence[Segment], duration_s: float) -> list[Segment]:
    """The segments without those that begin where the sound has ended."""
    return [
        segment
        for index, segment in enumerate(found)
        if index == 0 or segment.start_s < duration_s - _END_MARGIN_S
    ]
