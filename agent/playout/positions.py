"""Where in its audio the reply was at a time that has just passed."""

from collections import deque

KEPT_S = 5.0


class Positions:
    """Of one reply at a time; times are seconds of one clock, positions are samples."""

    def __init__(self, sample_rate_hz: int) -> None:
        self._rate_hz = sample_rate_hz
        self._played: deque[tuple[float, int, int]] = deque()
        """Of each stretch when it sounds, its first sample, and how many it has."""

    def add(self, sounds_at_s: float, position: int, count: int) -> None:
        """So many samples from `position` on sound from then on, after all that were added."""
        self._played.append((sounds_at_s, position, count))
        while self._played[0][0] < sounds_at_s - KEPT_S:
            self._played.popleft()

    def take_back(self, from_s: float) -> None:
        """What would have sounded from then on does not."""
        while self._played and self._played[-1][0] >= from_s:
            self._played.pop()

    def clear(self) -> None:
        """Another reply begins."""
        self._played.clear()

    def at(self, time_s: float) -> int | None:
        """The sample that sounded then, the oldest known one at most; None: nothing has."""
        for sounds_at_s, position, count in reversed(self._played):
            if sounds_at_s <= time_s:
                return position + min(count, int((time_s - sounds_at_s) * self._rate_hz))
        return self._played[0][1] if self._played else None
