"""Both sides of a call as one stereo recording, sample-aligned on the caller's clock."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from caller.client import RoomClient
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

    @classmethod
    def of(cls, client: RoomClient, start_s: float, end_s: float) -> "CallRecording":
        """The stretch of the call from `start_s` to `end_s`, both of the client's clock."""
        return cls(
            spoken=client.microphone.between(start_s, end_s).samples,
            heard=client.ear.between(start_s, end_s).samples,
            start_s=start_s,
            unix_offset_s=unix_offset_s(client.clock),
        )

    def sample_at(self, at_s: float) -> int:
        """The sample that passed at that second of the caller's clock."""
        return round((at_s - self.start_s) * SAMPLE_RATE_HZ)

    def sample_at_unix(self, unix_s: float) -> int:
        """The sample that passed at that second since 1970."""
        return self.sample_at(unix_s - self.unix_offset_s)

    def write(self, file: Path) -> None:
        """Left the microphone, right the ear, 16 bit; the name's ending says WAV or FLAC."""
        both = np.stack([self.spoken, self.heard], axis=1)
        soundfile.write(file, both, SAMPLE_RATE_HZ, subtype="PCM_16")
