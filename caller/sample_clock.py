"""When each sample of a real-time stream passed, from when the program came to know of it.

Both sides of a call run on native 10 ms tickers: one takes samples from the microphone's queue,
one hands received samples over. Python learns of a tick a moment later, now and then much later
(a busy event loop), but never earlier. Each observation "by time t, sample n was due" is thus an
upper bound, and the lower envelope of all later ones is the tick itself: a stall followed by a
burst leaves no trace, while a real gap, after which everything stays late, moves the clock on.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


class SampleClock:
    """Maps sample indexes of one stream to seconds of the clock the observations were made with."""

    def __init__(self, sample_rate_hz: int) -> None:
        self.sample_rate_hz = sample_rate_hz
        self._samples: list[int] = []
        self._lateness_s: list[float] = []

    def observe(self, sample: int, at_s: float) -> None:
        """Notes that by `at_s` the sample was due; `sample` never decreases."""
        self._samples.append(sample)
        self._lateness_s.append(at_s - sample / self.sample_rate_hz)

    def offsets_s(self) -> npt.NDArray[np.float64]:
        """For each observation, the time at which sample 0 would have passed by that part of the
        stream; never decreases."""
        lateness_s = np.asarray(self._lateness_s)
        return np.minimum.accumulate(lateness_s[::-1])[::-1]

    @property
    def observed(self) -> bool:
        """Whether there was an observation."""
        return bool(self._samples)

    def offsets_at(self, samples: Sequence[int]) -> npt.NDArray[np.float64]:
        """For each sample, the time at which sample 0 would have passed by its part of the
        stream."""
        if not self._samples:
            raise ValueError("no sample of this stream was observed")
        parts = np.searchsorted(self._samples, samples, side="right") - 1
        return np.asarray(self.offsets_s()[np.maximum(parts, 0)])

    def time_of(self, sample: int) -> float:
        """When the sample passed (or will, where it lies beyond the last observation)."""
        return float(self.offsets_at([sample])[0]) + sample / self.sample_rate_hz
