"""The instrument, measured with itself: tones whose start and end are known, through a real room.

A second participant publishes them as the agent publishes its voice; the caller's ear hears them.
The path of a start and the path of an end are two measurements: neither is taken for the other,
for codecs and jitter buffers treat them differently.
"""

from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
from livekit import api, rtc

from agent.tts import SAMPLE_RATE_HZ as SPEAKING_HZ
from bench.percentiles import distribution
from caller import measure
from caller.access import Access
from caller.call_recording import SAMPLE_RATE_HZ, CallRecording
from caller.client import RoomClient, join
from caller.errors import CallError

TONES = 40
LEFT_OUT = 4
"""At the beginning, while the jitter buffer settles."""
TONE_S = 0.4
TONE_HZ = 440.0
TONE_DBFS = -20.0
APART_S = (0.7, 0.9)
"""From start to start: the tick at which a tone begins is another each time."""
QUEUE_MS = 600
HEARD_WITHIN_S = 2.0
SEED = 3


@dataclass(frozen=True)
class Loopback:
    """Of every tone: from its first sample handed to the track to the first audible one at the
    ear, and from its known end there to the last audible one; ms."""

    start_ms: tuple[float, ...]
    stop_ms: tuple[float, ...]

    @property
    def stop_path_s(self) -> float:
        """The median path of an end."""
        return float(np.median(self.stop_ms)) / 1000

    @property
    def error_ms(self) -> float:
        """What a single end is off by: half of what the middle 90% of them span."""
        low, high = np.percentile(self.stop_ms, [5, 95])
        return round(float(high - low) / 2, 1)

    def document(self) -> dict[str, Any]:
        named = {"min": 0, "p5": 5, "p50": 50, "p95": 95, "max": 100}
        return {
            "tones": len(self.stop_ms),
            "start_path_ms": distribution(self.start_ms, named),
            "stop_path_ms": distribution(self.stop_ms, named),
            "error_ms": self.error_ms,
        }


async def loopback(access: Access, speaker_token: str, *, tones: int = TONES) -> Loopback:
    """Plays tones in the room that `access` opens; `speaker_token` is an agent's of that room.

    Raises CallError where they are not heard.
    """
    speaker, source = rtc.Room(), rtc.AudioSource(SPEAKING_HZ, 1, queue_size_ms=QUEUE_MS)
    async with join(access) as client:
        try:
            await speaker.connect(access.url, speaker_token)
            track = rtc.LocalAudioTrack.create_audio_track("voice", source)
            options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
            publication = await speaker.local_participant.publish_track(track, options)
            await publication.wait_for_subscription()
            await client.wait_for_agent()
            began_s = client.clock()
            handed_s = await _play(client, source, LEFT_OUT + tones)
            recording = CallRecording.of(client, began_s, client.clock())
        finally:
            await speaker.disconnect()
            await source.aclose()
    return paths(recording, handed_s[LEFT_OUT:])


def speaker_token(room: str, *, key: str, secret: str) -> str:
    """Lets a participant into the room whom the caller takes for the agent."""
    grants = api.VideoGrants(room_join=True, room=room)
    token = api.AccessToken(key, secret).with_identity("loopback").with_grants(grants)
    return token.with_kind("agent").to_jwt()


def paths(recording: CallRecording, handed_s: list[float]) -> Loopback:
    """From the recording and when each tone was handed to the track, on the caller's clock."""
    starts, stops = [], []
    for at_s in handed_s:
        handed = recording.sample_at(at_s)
        until = handed + round(APART_S[0] * SAMPLE_RATE_HZ)
        bursts = measure.bursts(
            recording.heard[handed:until], SAMPLE_RATE_HZ, measure.AUDIBLE_DBFS, gap_s=0.02
        )
        if not bursts:
            raise CallError("a tone of the calibration was not heard")
        starts.append(1000 * bursts[0].start / SAMPLE_RATE_HZ)
        stops.append(1000 * (bursts[-1].end / SAMPLE_RATE_HZ - TONE_S))
    return Loopback(tuple(starts), tuple(stops))


async def _play(client: RoomClient, source: rtc.AudioSource, tones: int) -> list[float]:
    """When each was handed over: the queue is empty then, and takes the whole of it."""
    random, handed_s = Random(SEED), list[float]()  # noqa: S311
    times = np.arange(round(TONE_S * SPEAKING_HZ)) / SPEAKING_HZ
    level = 32768 * 10 ** (TONE_DBFS / 20) * np.sqrt(2)
    tone = (level * np.cos(2 * np.pi * TONE_HZ * times)).astype(np.int16)
    for _ in range(tones):
        due_s = client.clock() + random.uniform(*APART_S)
        await client.reached(lambda due_s=due_s: client.clock() >= due_s, timeout_s=10)  # type: ignore[misc]
        handed_s.append(client.clock())
        await source.capture_frame(rtc.AudioFrame(tone.tobytes(), SPEAKING_HZ, 1, len(tone)))
    last_s = client.clock() + HEARD_WITHIN_S
    await client.reached(lambda: client.clock() >= last_s, timeout_s=10)
    return handed_s
