"""The barge-in instrument, measured with itself: starts and cuts of sounds, each by itself."""

import numpy as np
import pytest

from agent.playout.output import NATIVE_TICK_S
from bench.loopback import Loopback, Played, loopback, paths
from caller.call_recording import SAMPLE_RATE_HZ, CallRecording
from tests.caller.livekit import LiveKit
from tests.caller.rooms import access


def recorded(played: list[Played], *, start_path_s: float, stop_path_s: float) -> CallRecording:
    """An ear that hears every sound between those delays of its start and of its end; the track
    takes whole ticks, from when the sound was handed to it on."""
    heard = np.zeros(round((played[-1].cut_s + 2) * SAMPLE_RATE_HZ), dtype=np.int16)
    for sound in played:
        ticks = np.floor((sound.cut_s - sound.handed_s) / NATIVE_TICK_S) + 1
        first = round((sound.handed_s + start_path_s) * SAMPLE_RATE_HZ)
        last_s = sound.handed_s + ticks * NATIVE_TICK_S + stop_path_s
        heard[first : round(last_s * SAMPLE_RATE_HZ)] = 4000
    return CallRecording(np.zeros_like(heard), heard, 0.0, 0.0)


def test_the_path_of_a_start_and_that_of_an_end_are_two_measurements() -> None:
    """Where in a tick a sound is cut errs by half a tick at most, and not on the whole."""
    moments = 0.3 + NATIVE_TICK_S * (np.arange(20) + 0.5) / 20
    played = [Played(1 + n, 1 + n + float(after_s)) for n, after_s in enumerate(moments)]
    found = paths(recorded(played, start_path_s=0.06, stop_path_s=0.085), played)
    assert found.start_ms == pytest.approx([60] * 20, abs=0.1)
    assert found.stop_ms == pytest.approx([85] * 20, abs=1000 * NATIVE_TICK_S / 2)
    assert found.stop_path_s == pytest.approx(0.085, abs=1e-3)


def test_the_error_is_what_ends_differ_by() -> None:
    found = Loopback((60.0,) * 21, tuple(70.0 + step for step in range(21)))
    assert found.error_ms == pytest.approx(9.0)
    assert found.document()["error_ms"] == found.error_ms
    assert found.document()["start_path_ms"]["p50"] == 60.0


@pytest.mark.servers
async def test_sounds_through_a_real_room_tell_both_paths(livekit: LiveKit) -> None:
    way = access(livekit)
    token = livekit.token("loopback", way.room, agent=True)
    found = await loopback(way, token, sounds=6)
    assert len(found.start_ms) == len(found.stop_ms) == 6
    assert all(10 < ms < 400 for ms in (*found.start_ms, *found.stop_ms)), found
