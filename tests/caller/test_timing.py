"""The caller's clocks, against an agent whose delay is known, through a real server."""

import asyncio

import numpy as np
import pytest
from livekit import rtc

from caller import measure
from caller.client import RoomClient, join
from caller.ear import Ear
from caller.microphone import SAMPLE_RATE_HZ, Microphone
from parley.audio import Audio
from parley.clock import monotonic
from testkit.sounds import burst
from tests.caller.echo import echo_agent
from tests.caller.livekit import LiveKit
from tests.caller.rooms import TRANSPORT_MS, access

pytestmark = pytest.mark.realtime


async def heard_after_ms(client: RoomClient, clip: Audio) -> float:
    """First sample spoken to first sample of it heard."""
    first = await client.speak(clip)
    since_s = client.microphone.time_of(first)
    assert await client.reached(lambda: not client.ear.quiet_since(since_s), timeout_s=10)
    assert await client.reached(lambda: client.ear.quiet_since(client.clock() - 0.3), timeout_s=10)
    spoken_s = client.microphone.time_of(first)
    heard = client.ear.between(spoken_s, client.clock())
    sound = measure.sounds(heard.samples, heard.sample_rate_hz, measure.AUDIBLE_DBFS)[0]
    return 1000 * sound.start / heard.sample_rate_hz


async def next_frame(microphone: Microphone) -> None:
    microphone.frame_passed.clear()
    await microphone.frame_passed.wait()


async def test_a_sample_counts_as_spoken_when_the_native_source_takes_it() -> None:
    """However the event loop stalls, within the source's queue, the samples keep their times."""
    microphone = Microphone()
    speaking = asyncio.create_task(microphone.run())
    stalls = 0
    try:
        for _ in range(40):
            await next_frame(microphone)
            if stalls < 3:
                stalls += 1
                until_s = monotonic() + 0.03
                while monotonic() < until_s:
                    pass
    finally:
        microphone.stop()
        await speaking
        await microphone.aclose()
    times_s = [microphone.time_of(n * SAMPLE_RATE_HZ // 100) for n in range(60)]
    steps_ms = 1000 * np.diff(times_s)
    assert steps_ms.min() == pytest.approx(10, abs=0.01)
    # A machine that stalls us longer than the queue lasts adds a real gap, never takes time away.
    assert np.median(steps_ms) == pytest.approx(10, abs=0.01)


async def test_what_was_spoken_is_heard_one_native_frame_later_where_no_room_lies_between() -> None:
    """Listening to its own track, the caller errs by the frame that a microphone has to fill."""
    microphone, ear = Microphone(), Ear()
    track = rtc.LocalAudioTrack.create_audio_track("microphone", microphone.source)
    listening = asyncio.create_task(ear.listen(track))
    speaking = asyncio.create_task(microphone.run())
    try:
        for _ in range(25):
            await next_frame(microphone)
        utterance = microphone.speak(burst(0.3))
        while ear.audible_at_s is None or not ear.quiet_since(monotonic() - 0.1):
            await next_frame(microphone)
    finally:
        microphone.stop()
        await speaking
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await microphone.aclose()
    assert utterance.first_sample is not None
    spoken_s = microphone.time_of(utterance.first_sample)
    heard = ear.between(spoken_s, monotonic())
    sound = measure.sounds(heard.samples, heard.sample_rate_hz, measure.AUDIBLE_DBFS)[0]
    assert 1000 * sound.start / heard.sample_rate_hz == pytest.approx(10, abs=2)


@pytest.mark.servers
async def test_measured_delay_follows_the_known_one(livekit: LiveKit) -> None:
    """Transport cancels out between two delays in one room, whose jitter buffers are the same: what
    is left is the instrument's own error. The middle of five pairs forgives a starved machine."""
    way, beyond_ms = access(livekit), []
    async with echo_agent(livekit, way.room, delay_s=0.2) as agent, join(way) as client:
        await client.wait_for_agent()
        for _ in range(5):
            for agent.delay_s in (0.2, 0.7):
                heard_ms = await heard_after_ms(client, burst())
                beyond_ms.append(heard_ms - 1000 * agent.delay_s)
    assert 2 * TRANSPORT_MS[0] < min(beyond_ms) < 2 * TRANSPORT_MS[1]
    assert np.median(np.diff(beyond_ms)[::2]) == pytest.approx(0, abs=120)
