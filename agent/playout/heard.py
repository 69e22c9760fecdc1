"""Which words of a reply have been heard, given how much of its audio has been played."""

from collections.abc import Iterable
from dataclasses import dataclass, field

HEARD_SHARE = 0.6
"""A word counts as heard once this much of it has sounded: a listener completes the rest."""


@dataclass(frozen=True)
class TimedPiece:
    """A stretch of the transcript; without times it belongs to the piece before it."""

    text: str
    start_s: float | None = None
    end_s: float | None = None

    def heard_after_s(self) -> float | None:
        """The played time from which on the piece counts as heard."""
        if self.start_s is None or self.end_s is None:
            return None
        return self.start_s + HEARD_SHARE * (self.end_s - self.start_s)


@dataclass
class HeardText:
    """The transcript of one reply, in the order it is spoken; times in seconds of its audio."""

    _pieces: list[TimedPiece] = field(default_factory=list)

    def extend(self, pieces: Iterable[TimedPiece]) -> None:
        self._pieces.extend(pieces)

    def count_until(self, played_s: float) -> int:
        """How many pieces have been heard once `played_s` of the audio has been played.

        Untimed pieces (spaces, an emoji) count with the timed piece before them.
        """
        count = 0
        for index, piece in enumerate(self._pieces):
            heard_after_s = piece.heard_after_s()
            if heard_after_s is not None and heard_after_s > played_s:
                break
            if heard_after_s is not None or count == index:
                count = index + 1
        return count

    def text(self, first: int, end: int | None = None) -> str:
        """The transcript of the pieces `first` to `end`."""
        return "".join(piece.text for piece in self._pieces[first:end])

    def until(self, played_s: float) -> str:
        """The transcript that has been heard."""
        return self.text(0, self.count_until(played_s))
