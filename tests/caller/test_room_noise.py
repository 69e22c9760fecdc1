"""The microphone between clips: a room's noise, the same in every run, or nothing where asked."""

import asyncio

import numpy as np
import pytest

from caller import measure
from caller.microphone import SAMPLE_RATE_HZ, Microphone
from caller.room_noise import ROOM_DBFS, room_noise
from parley.audio import Samples, level_dbfs

pytestmark = pytest.mark.realtime


async def spoken(*, quiet_room: bool) -> Samples:
    """Half a second of a microphone into which nobody speaks."""
    microphone = Microphone(quiet_room=quiet_room)
    speaking = asyncio.create_task(microphone.run())
    try:
        for _ in range(40):
            microphone.frame_passed.clear()
            await microphone.frame_passed.wait()
    finally:
        microphone.stop()
        await speaking
        await microphone.aclose()
    began_s = microphone.time_of(0)
    return microphone.between(began_s, began_s + 0.5).samples


async def test_between_clips_the_microphone_carries_a_room() -> None:
    heard = await spoken(quiet_room=True)
    assert level_dbfs(heard) == pytest.approx(ROOM_DBFS, abs=3)
    assert np.array_equal(heard, room_noise(SAMPLE_RATE_HZ)[: len(heard)])
    assert measure.sounds(heard, SAMPLE_RATE_HZ, measure.AUDIBLE_DBFS) == ()


async def test_without_a_room_there_is_digital_silence() -> None:
    assert not (await spoken(quiet_room=False)).any()


def test_the_noise_is_pink_and_the_same_in_every_run() -> None:
    noise = room_noise(16_000)
    power = np.square(np.abs(np.fft.rfft(noise.astype(np.float64))))
    hz = np.fft.rfftfreq(len(noise), 1 / 16_000)
    octaves = [power[(hz >= low) & (hz < 2 * low)].sum() for low in (100, 400, 1600)]
    assert max(octaves) / min(octaves) < 1.5
    assert level_dbfs(noise) == pytest.approx(ROOM_DBFS, abs=0.2)
    assert np.array_equal(noise, room_noise.__wrapped__(16_000))
