"""The time to first audio of a worker against that of the others: a slow one is asked last.

Load says how much a worker has to do, not how long it takes: one on a throttled core, or beside
a busy process, looks as idle as the rest.
"""

import statistics
from collections.abc import Iterable
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

    What is old does not count, so that a slow worker is tried again now and then.
    """

    clock: Clock = monotonic
    _smoothed_s: float = field(default=0.0, init=False)
    _noted: int = field(default=0, init=False)
    _noted_at: float = field(default=0.0, init=False)

    @property
    def first_audio_s(self) -> float | None:
        """From a text's arrival to its first sound; None while too little is known."""
        if self._noted < FEWEST or self.clock() - self._noted_at > TRIED_AGAIN_S:
            return None
        return self._smoothed_s

    def note(self, first_audio_s: float) -> None:
        self._noted += 1
        self._noted_at = self.clock()
        share = max(NEWEST_SHARE, 1 / self._noted)
        self._smoothed_s += share * (first_audio_s - self._smoothed_s)

    def is_slow(self, others: Iterable["WorkerPace"]) -> bool:
        """Whether it takes much longer than the others do."""
        own_s = self.first_audio_s
        theirs_s = [other.first_audio_s for other in others]
        known_s = [value for value in theirs_s if value is not None]
        if own_s is None or not known_s:
            return False
        usual_s = statistics.median(known_s)
        return own_s > SLOWER * usual_s and own_s > usual_s + SLOWER_BY_S
