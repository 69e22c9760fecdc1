"""Time and samples: a busy program leaves no trace, a real gap stays where it was."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caller.ear import Ear
from caller.sample_clock import SampleClock

RATE = 48_000
FRAME = 480


class TurnedClock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@given(lateness_ms=st.lists(st.floats(0, 300), min_size=20, max_size=200))
def test_late_news_of_a_tick_does_not_move_its_time(lateness_ms: list[float]) -> None:
    """However late the program learned of each frame, the earliest news decides."""
    clock = SampleClock(RATE)
    told_s = 0.0
    for index, late_ms in enumerate(lateness_ms):
        told_s = max(told_s, index * 0.01 + late_ms / 1000)  # news comes in order
        clock.observe(index * FRAME, told_s)
    final = len(lateness_ms) * FRAME
    clock.observe(final, len(lateness_ms) * 0.01 + 0.3)
    for index in range(200):
        clock.observe(final + (1 + index) * FRAME, (len(lateness_ms) + 1 + index) * 0.01)
    assert clock.time_of(0) == pytest.approx(0.0, abs=1e-9)
    assert clock.time_of(final) == pytest.approx(len(lateness_ms) * 0.01, abs=1e-9)


@given(stall_frames=st.integers(1, 50))
def test_a_stall_followed_by_a_burst_leaves_no_gap_in_what_was_heard(stall_frames: int) -> None:
    clock = TurnedClock()
    ear = Ear(clock=clock)
    sound = np.arange(1, 100 * FRAME + 1, dtype=np.int64).astype(np.int16)
    for index in range(100):
        late = 20 <= index < 20 + stall_frames
        clock.now_s = 1000 + 0.01 * (20 + stall_frames if late else index)
        ear.hear(sound[index * FRAME : (index + 1) * FRAME])
    assert np.array_equal(ear.between(1000.0, 1001.0).samples, sound)


@given(gap_ms=st.integers(30, 900))
def test_a_real_gap_is_silence_of_its_own_length(gap_ms: int) -> None:
    clock = TurnedClock()
    ear = Ear(clock=clock)
    ones = np.full(FRAME, 1000, dtype=np.int16)
    for index in range(60):
        clock.now_s = 1000 + 0.01 * index + (gap_ms / 1000 if index >= 30 else 0)
        ear.hear(ones)
    heard = ear.between(1000.0, clock.now_s + 0.01).samples
    silent = np.flatnonzero(heard == 0)
    assert abs(len(silent) - gap_ms * 48) <= 1
    assert abs(int(silent[0]) - 30 * FRAME) <= 1
    assert len(heard) - len(silent) == pytest.approx(60 * FRAME, abs=1)


def test_before_and_after_the_track_there_is_silence() -> None:
    clock = TurnedClock()
    ear = Ear(clock=clock)
    assert not ear.between(999.0, 1000.0).samples.any()
    ear.hear(np.full(FRAME, 1000, dtype=np.int16))
    heard = ear.between(999.99, 1000.03).samples
    assert len(heard) == 4 * FRAME
    assert np.array_equal(np.flatnonzero(heard), np.arange(FRAME, 2 * FRAME))


def test_the_ear_knows_since_when_it_is_quiet() -> None:
    clock = TurnedClock()
    ear = Ear(clock=clock)
    assert ear.quiet_since(0)
    ear.hear(np.full(FRAME, 1000, dtype=np.int16))
    clock.now_s += 0.01
    ear.hear(np.zeros(FRAME, dtype=np.int16))
    assert not ear.quiet_since(1000.0)
    assert ear.quiet_since(1000.005)


def test_a_stream_that_was_never_observed_has_no_times() -> None:
    with pytest.raises(ValueError, match="no sample"):
        SampleClock(RATE).time_of(0)
