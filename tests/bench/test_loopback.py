"""The barge-in instrument, measured with itself: starts and ends of tones, each by itself."""

import numpy as np
import pytest

from bench.loopback import TONE_S, Loopback, loopback, paths
from caller.call_recording import SAMPLE_RATE_HZ, CallRecording
from tests.caller.livekit import LiveKit
from tests.caller.rooms import access


def recorded(handed_s: list[float], *, start_path_s: float, stop_path_s: float) -> CallRecording:
    """An ear that hears every tone between those delays of its start and of its end."""
    heard = np.zeros(round((handed_s[-1] + 2) * SAMPLE_RATE_HZ), dtype=np.int16)
    for at_s in handed_s:
        first = round((at_s + start_path_s) * SAMPLE_RATE_HZ)
        last = round((at_s + TONE_S + stop_path_s) * SAMPLE_RATE_HZ)
        heard[first:last] = 4000
    return CallRecording(np.zeros_like(heard), heard, 0.0, 0.0)


def test_the_path_of_a_start_and_that_of_an_end_are_two_measurements() -> None:
    handed_s = [1.0, 1.85, 2.7]
    found = paths(recorded(handed_s, start_path_s=0.06, stop_path_s=0.085), handed_s)
    assert found.start_ms == pytest.approx([60] * 3, abs=0.1)
    assert found.stop_ms == pytest.approx([85] * 3, abs=0.1)
    assert found.stop_path_s == pytest.approx(0.085, abs=1e-4)


def test_the_error_is_what_ends_differ_by() -> None:
    found = Loopback((60.0,) * 21, tuple(70.0 + step for step in range(21)))
    assert found.error_ms == pytest.approx(9.0)
    assert found.document()["error_ms"] == found.error_ms
    assert found.document()["start_path_ms"]["p50"] == 60.0


@pytest.mark.servers
async def test_tones_through_a_real_room_tell_both_paths(livekit: LiveKit) -> None:
    way = access(livekit)
    token = livekit.token("loopback", way.room, agent=True)
    found = await loopback(way, token, tones=6)
    assert len(found.start_ms) == len(found.stop_ms) == 6
    assert all(10 < ms < 400 for ms in (*found.start_ms, *found.stop_ms)), found
