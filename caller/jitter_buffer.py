"""How long the caller's jitter buffer holds sound back, as WebRTC counts it.

The difference between hearing behind the jitter buffer, as a person does, and at the arrival of
the packet: the two variants of the mouth-to-ear response latency of draft-nygate-ippm-mrl.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class BufferReading:
    """WebRTC's counts so far (W3C webrtc-stats: jitterBufferDelay, jitterBufferEmittedCount)."""

    at_s: float
    """On the caller's clock."""
    delay_s: float
    """Summed over all samples that have left the buffer."""
    emitted: int
    """Samples that have left it."""


@dataclass(frozen=True)
class BufferDelays:
    """Readings of one ear in order."""

    readings: Sequence[BufferReading] = ()

    def mean_s(self, at_s: float) -> float | None:
        """What the buffer held samples back that left it around that time: between the last
        reading before it and the first one after it. None where there are none."""
        before = [reading for reading in self.readings if reading.at_s <= at_s]
        after = [reading for reading in self.readings if reading.at_s > at_s]
        if not before or not after:
            return None
        emitted = after[0].emitted - before[-1].emitted
        if emitted <= 0:
            return None
        return (after[0].delay_s - before[-1].delay_s) / emitted
