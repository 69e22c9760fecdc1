"""The audio of one reply on its way to the track, and its transcript."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from livekit.agents.types import TimedString
from livekit.agents.utils import is_given

from agent.playout.heard import HeardText, TimedPiece
from agent.playout.pacing import Pace
from parley.audio import Samples


@dataclass
class ReplyAudio:
    """The audio of one segment and how far it has been handed to the source."""

    sample_rate_hz: int
    keep_s: float
    """How far back from where it has been handed over it may be asked for again."""
    pace: Pace | None = None
    heard: HeardText = field(default_factory=HeardText)
    ended: bool = False
    _chunks: list[Samples] = field(default_factory=list)
    _first: int = 0
    """Position of the first sample kept."""
    length: int = 0
    position: int = 0
    """Of the next sample to hand over."""

    def append(self, samples: Samples) -> None:
        self._chunks.append(samples)
        self.length += len(samples)

    def add_transcript(self, pieces: Iterable[TimedString]) -> None:
        """What comes next of the reply's words."""
        self.heard.extend(_piece(piece) for piece in pieces)

    def take(self, count: int) -> Samples:
        """The next samples, at most `count`; forgets what no rewind will ask for."""
        samples = self._slice(self.position, min(self.position + count, self.length))
        self.position += len(samples)
        oldest = self.position - int(self.keep_s * self.sample_rate_hz)
        while self._chunks and self._first + len(self._chunks[0]) < oldest:
            self._first += len(self._chunks.pop(0))
        return samples

    @property
    def ahead_s(self) -> float:
        """Audio that has come and was not handed over."""
        return (self.length - self.position) / self.sample_rate_hz

    @property
    def waits_for_text(self) -> bool:
        """Whether all that was asked for has come."""
        return self.pace is not None and not self.pace.owes

    @property
    def lacks_text(self) -> bool:
        """Whether no sound is there because the text was not, or only just."""
        return self.waits_for_text or (self.pace is not None and self.pace.text_is_late)

    def _slice(self, start: int, end: int) -> Samples:
        parts, position = [], self._first
        for chunk in self._chunks:
            if position + len(chunk) > start and position < end:
                parts.append(chunk[max(0, start - position) : end - position])
            position += len(chunk)
        return np.concatenate(parts) if parts else np.empty(0, np.int16)


def _piece(piece: TimedString) -> TimedPiece:
    start_s, end_s = piece.start_time, piece.end_time
    if is_given(start_s) and is_given(end_s):
        return TimedPiece(str(piece), start_s, end_s)
    return TimedPiece(str(piece))
