"""The instrument, measured with itself: sounds whose start and cut are known, through a real room.

A second participant publishes them as the agent publishes its voice; the caller's ear hears them.
The path of a start and the path of an end are two measurements: neither is taken for the other,
for codecs and jitter buffers treat them differently. An end is made as the agent makes it: the
native queue is emptied while there is more in it, at the level that a reply has when it is cut,
for a codec rings on for longer after what is louder.
"""

import asyncio
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
from livekit import api, rtc

from agent.playout.output import NATIVE_TICK_S
from agent.tts import SAMPLE_RATE_HZ as SPEAKING_HZ
from bench.percentiles import distribution
from caller import measure
from caller.access import Access
from caller.call_recording import SAMPLE_RATE_HZ, CallRecording
from caller.client import RoomClient, join
from caller.errors import CallError

SOUNDS = 40
LEFT_OUT = 4
"""At the beginning, while the jitter buffer settles."""
CUT_AFTER_S = (0.3, 0.4)
"""Anywhere within a native tick."""
MORE_S = 0.1
"""What is in the queue when it is emptied, at least."""
DBFS = -34.0
"""Of a reply that has been turned down, as nearly all have when they are cut."""
APART_S = (0.7, 0.9)
"""From start to start: the tick at which a sound begins is another each time."""
QUEUE_MS = 600
HEARD_WITHIN_S = 2.0
SEED = 3


@dataclass(frozen=True)
class Played:
    """A sound on the caller's clock: when it was handed to the track, and when it was cut."""

    handed_s: float
    cut_s: float


@dataclass(frozen=True)
class Loopback:
    """Of every sound: from its first sample handed to the track to the first audible one at the
    ear, and from the end of the last one that the track took to the last audible one; ms."""

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
            "sounds": len(self.stop_ms),
            "start_path_ms": distribution(self.start_ms, named),
            "stop_path_ms": distribution(self.stop_ms, named),
            "error_ms": self.error_ms,
        }


async def loopback(access: Access, speaker_token: str, *, sounds: int = SOUNDS) -> Loopback:
    """Plays sounds in the room that `access` opens; `speaker_token` is an agent's of that room.

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
            played = await _play(client, source, LEFT_OUT + sounds)
            recording = CallRecording.of(client, began_s, client.clock())
        finally:
            await speaker.disconnect()
            await source.aclose()
    return paths(recording, played[LEFT_OUT:])


def speaker_token(room: str, *, key: str, secret: str) -> str:
    """Lets a participant into the room whom the caller takes for the agent."""
    grants = api.VideoGrants(room_join=True, room=room)
    token = api.AccessToken(key, secret).with_identity("loopback").with_grants(grants)
    return token.with_kind("agent").to_jwt()


def paths(recording: CallRecording, played: list[Played]) -> Loopback:
    """From the recording of the sounds at the ear.

    The track has taken a whole tick when it is cut within one: half of one on average, more than
    had sounded by then. That is no path, but the agent's own doing: it is not in `stop_ms`.
    """
    starts, stops = [], []
    for sound in played:
        handed = recording.sample_at(sound.handed_s)
        until = handed + round(APART_S[0] * SAMPLE_RATE_HZ)
        bursts = measure.bursts(
            recording.heard[handed:until], SAMPLE_RATE_HZ, measure.AUDIBLE_DBFS, gap_s=0.02
        )
        if not bursts:
            raise CallError("a sound of the calibration was not heard")
        starts.append(1000 * bursts[0].start / SAMPLE_RATE_HZ)
        taken_until_s = sound.cut_s - sound.handed_s + NATIVE_TICK_S / 2
        stops.append(1000 * (bursts[-1].end / SAMPLE_RATE_HZ - taken_until_s))
    return Loopback(tuple(starts), tuple(stops))


async def _play(client: RoomClient, source: rtc.AudioSource, sounds: int) -> list[Played]:
    """The queue is empty when each is handed over, and takes the whole of it."""
    random, played = Random(SEED), list[Played]()  # noqa: S311
    length = round((CUT_AFTER_S[1] + MORE_S) * SPEAKING_HZ)
    noise = np.random.default_rng(SEED).normal(0, 32768 * 10 ** (DBFS / 20), length)
    frame = rtc.AudioFrame(noise.astype(np.int16).tobytes(), SPEAKING_HZ, 1, length)
    due_s = client.clock()
    for _ in range(sounds):
        due_s += random.uniform(*APART_S)
        await _until(client, due_s)
        handed_s = due_s = client.clock()
        await source.capture_frame(frame)
        await _until(client, handed_s + random.uniform(*CUT_AFTER_S))
        played.append(Played(handed_s, client.clock()))
        source.clear_queue()
    await _until(client, client.clock() + HEARD_WITHIN_S)
    return played


async def _until(client: RoomClient, at_s: float) -> None:
    await asyncio.sleep(at_s - client.clock())
    await client.reached(lambda: client.clock() >= at_s, timeout_s=10)
