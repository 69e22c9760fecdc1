"""The time to first audio of a worker against that of the others: a slow one is asked last.

Load says how much a worker has to do, not how long it takes: one on a throttled core, or beside
a busy process, looks as idle as the rest.
"""

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from parley.clock import Clock, monotonic

SLOWER = 1.6
SLOWER_BY_S = 0.02
NEWEST_SHARE = 0.3
FEWEST = 3
TRIED_AGAIN_S = 20.0


@dataclass
class WorkerPace:
    """The smoothed time to first audio of one worker.

    What is old does not count, so that a slow worker is tried again now and then: by one call,
    whose outcome the others await and which counts for all that was before.
    """

    clock: Clock = monotonic
    _smoothed_s: float = field(default=0.0, init=False)
    _noted: int = field(default=0, init=False)
    _noted_at: float = field(default=0.0, init=False)
    _tried_at: float = field(default=float("-inf"), init=False)

    @property
    def first_audio_s(self) -> float | None:
        """From a text's arrival to its first sound; None while too little is known."""
        if self._noted < FEWEST:
            return None
        known_at = max(self._noted_at, self._tried_at)
        return self._smoothed_s if self.clock() - known_at <= TRIED_AGAIN_S else None

    def begin(self) -> None:
        """A call goes to the worker; where what is known is old, it is the one that tries it."""
        if self._noted >= FEWEST and self.first_audio_s is None:
            self._tried_at = self.clock()

    def note(self, first_audio_s: float) -> None:
        now = self.clock()
        is_old = self._noted >= FEWEST and now - self._noted_at > TRIED_AGAIN_S
        self._noted += 1
        self._noted_at = now
        share = 1.0 if is_old else max(NEWEST_SHARE, 1 / self._noted)
        self._smoothed_s += share * (first_audio_s - self._smoothed_s)

    def is_slow(self, others: Iterable["WorkerPace"]) -> bool:
        """Whether it takes much longer than the others do."""
        own_s = self.first_audio_s
        theirs_s = [other.first_audio_s for other in others]
        known_s = [value for value in theirs_s if value is not None]
        if own_s is None or not known_s:
            return False
        return _is_slow(own_s, statistics.median(known_s))


def slow_among(paces: Mapping[str, WorkerPace]) -> frozenset[str]:
    """The names of those that are slow against all others: `is_slow` of each, sorted once."""
    known = sorted(
        ((s, name) for name, pace in paces.items() if (s := pace.first_audio_s) is not None),
    )
    if len(known) < 2:
        return frozenset()
    others = len(known) - 1

    def other(index: int, own: int) -> float:
        return known[index if index < own else index + 1][0]

    return frozenset(
        name
        for own, (own_s, name) in enumerate(known)
        if _is_slow(own_s, (other((others - 1) // 2, own) + other(others // 2, own)) / 2)
    )


def _is_slow(own_s: float, usual_s: float) -> bool:
    return own_s > SLOWER * usual_s and own_s > usual_s + SLOWER_BY_S
