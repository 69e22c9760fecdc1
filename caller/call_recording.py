"""Both sides of a call as one stereo recording, sample-aligned on the caller's clock."""

import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile

from caller.client import RoomClient
from caller.jitter_buffer import BufferDelays
from parley.audio import Samples
from parley.clock import Clock

SAMPLE_RATE_HZ = 48_000


def unix_offset_s(clock: Clock) -> float:
    """Seconds since 1970 less the clock, both read at once: the tightest of some readings, good
    to a few microseconds."""
    readings = []
    for _ in range(5):
        before_s = clock()
        unix_s = time.time()
        after_s = clock()
        readings.append((after_s - before_s, unix_s - (before_s + after_s) / 2))
    return min(readings)[1]


@dataclass(frozen=True)
class CallRecording:
    """`spoken` is the caller's microphone, `heard` what its ear received: int16, equally long, at
    SAMPLE_RATE_HZ. Sample 0 of both passed at `start_s` of the caller's clock."""

    spoken: Samples
    heard: Samples
    start_s: float
    unix_offset_s: float
    """Seconds since 1970 at second 0 of the caller's clock."""
    buffer_delays: BufferDelays = field(default_factory=BufferDelays)
    """What the caller's jitter buffer held back meanwhile."""

    @classmethod
    def of(cls, client: RoomClient, start_s: float, end_s: float) -> "CallRecording":
        """The stretch of the call from `start_s` to `end_s`, both of the client's clock."""
        return cls(
            spoken=client.microphone.between(start_s, end_s).samples,
            heard=client.ear.between(start_s, end_s).samples,
            start_s=start_s,
            unix_offset_s=unix_offset_s(client.clock),
            buffer_delays=client.ear.buffer_delays,
        )

    def sample_at(self, at_s: float) -> int:
        """The sample that passed at that second of the caller's clock."""
        return round((at_s - self.start_s) * SAMPLE_RATE_HZ)

    def sample_at_unix(self, unix_s: float) -> int:
        """The sample that passed at that second since 1970."""
        return self.sample_at(unix_s - self.unix_offset_s)

    def buffered_ms(self, sample: int) -> float | None:
        """How long the jitter buffer held back what was heard around that sample; None where
        nobody has counted."""
        held_s = self.buffer_delays.mean_s(self.start_s + sample / SAMPLE_RATE_HZ)
        return None if held_s is None else round(1000 * held_s, 1)

    def write(self, file: Path) -> None:
        """Left the microphone, right the ear, 16 bit; the name's ending says WAV or FLAC."""
        both = np.stack([self.spoken, self.heard], axis=1)
        soundfile.write(file, both, SAMPLE_RATE_HZ, subtype="PCM_16")
