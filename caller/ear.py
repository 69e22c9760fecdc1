"""The caller's ear: all that was received from the agent, on a continuous sample clock."""

import numpy as np
from livekit import rtc

from caller.loudspeaker import Loudspeaker
from caller.measure import AUDIBLE_DBFS
from caller.microphone import FRAME_MS
from caller.sample_track import SampleTrack
from parley.audio import Audio, Samples, level_dbfs
from parley.clock import Clock, monotonic

SAMPLE_RATE_HZ = 48_000
TICK_S = 0.01


class Ear:
    """Hears one track after another and keeps every sample with the time it was heard.

    The native stream takes 10 ms at each tick of the playout device, silence included, and hands
    over a frame when it is full. A sample counts as heard at its tick, for a loudspeaker would
    begin to play it then: the last 10 ms of a frame as it is handed over. Where nothing is handed
    over (no track yet, a new one, a dead one) there is silence.
    """

    def __init__(self, *, frame_ms: int = FRAME_MS, clock: Clock = monotonic) -> None:
        self._frame_ms = frame_ms
        self._clock = clock
        self._track = SampleTrack(SAMPLE_RATE_HZ)
        self.audible_at_s: float | None = None
        """When the last frame louder than AUDIBLE_DBFS was heard."""
        self.loudspeaker: Loudspeaker | None = None
        """What plays all that is heard to the microphone, too."""

    async def listen(self, track: rtc.Track) -> None:
        """Hears the track until it ends."""
        stream = rtc.AudioStream(
            track, sample_rate=SAMPLE_RATE_HZ, num_channels=1, frame_size_ms=self._frame_ms
        )
        try:
            async for event in stream:
                self.hear(np.frombuffer(event.frame.data, dtype=np.int16))
        finally:
            await stream.aclose()

    def hear(self, frame: Samples) -> None:
        """Takes one frame, int16 of shape [n], whose last 10 ms are heard now."""
        now = self._clock()
        self._track.append(frame)
        if self.loudspeaker is not None:
            self.loudspeaker.play(frame)
        self._track.observe(self._track.length - round(TICK_S * SAMPLE_RATE_HZ), now)
        if level_dbfs(frame) >= AUDIBLE_DBFS:
            self.audible_at_s = now

    def quiet_since(self, at_s: float) -> bool:
        """Whether nothing audible was heard at that time or later."""
        return self.audible_at_s is None or self.audible_at_s < at_s

    def between(self, start_s: float, end_s: float) -> Audio:
        """What was heard from `start_s` to `end_s`, silence where nothing was: sample 0 stands at
        `start_s`."""
        return self._track.between(start_s, end_s)
