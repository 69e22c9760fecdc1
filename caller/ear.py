"""The caller's ear: all that was received from the agent, on a continuous sample clock."""

import numpy as np
from livekit import rtc

from caller.measure import AUDIBLE_DBFS
from caller.sample_clock import SampleClock
from parley.audio import Audio, Samples, level_dbfs
from parley.clock import Clock, monotonic

SAMPLE_RATE_HZ = 48_000

GAP_S = 0.02
"""Frames that stay later than this stand behind a gap, which is filled with silence."""


class Ear:
    """Hears one track after another and keeps every sample with the time it was heard.

    The native stream hands 10 ms over at each tick of the playout device, silence included; a
    sample counts as heard when its frame is handed over, for a loudspeaker would begin to play
    it then. Where nothing is handed over (no track yet, a new one, a dead one) there is silence.
    """

    def __init__(self, *, clock: Clock = monotonic) -> None:
        self._clock = clock
        self._ticks = SampleClock(SAMPLE_RATE_HZ)
        self._frames: list[Samples] = []
        self._received_samples = 0
        self.audible_at_s: float | None = None
        """When the last frame louder than AUDIBLE_DBFS was heard."""

    async def listen(self, track: rtc.Track) -> None:
        """Hears the track until it ends."""
        stream = rtc.AudioStream(track, sample_rate=SAMPLE_RATE_HZ, num_channels=1)
        try:
            async for event in stream:
                self.hear(np.frombuffer(event.frame.data, dtype=np.int16))
        finally:
            await stream.aclose()

    def hear(self, frame: Samples) -> None:
        """Takes one frame, int16 of shape [n], as heard now."""
        now = self._clock()
        self._ticks.observe(self._received_samples, now)
        self._frames.append(frame)
        self._received_samples += len(frame)
        if level_dbfs(frame) >= AUDIBLE_DBFS:
            self.audible_at_s = now

    def quiet_since(self, at_s: float) -> bool:
        """Whether nothing audible was heard at that time or later."""
        return self.audible_at_s is None or self.audible_at_s < at_s

    def between(self, start_s: float, end_s: float) -> Audio:
        """What was heard from `start_s` to `end_s`, silence where nothing was: sample 0 stands at
        `start_s`."""
        heard = np.zeros(max(round((end_s - start_s) * SAMPLE_RATE_HZ), 0), dtype=np.int16)
        if not self._frames:
            return Audio(heard, SAMPLE_RATE_HZ)
        offsets_s = self._ticks.offsets_s()
        place = round((offsets_s[0] - start_s) * SAMPLE_RATE_HZ)
        gaps_s = 0.0
        for frame, later_s in zip(self._frames, offsets_s - offsets_s[0], strict=True):
            if later_s - gaps_s >= GAP_S:
                place += round((later_s - gaps_s) * SAMPLE_RATE_HZ)
                gaps_s = later_s
            begin, end = max(place, 0), min(place + len(frame), len(heard))
            if begin < end:
                heard[begin:end] = frame[begin - place : end - place]
            place += len(frame)
        return Audio(heard, SAMPLE_RATE_HZ)
