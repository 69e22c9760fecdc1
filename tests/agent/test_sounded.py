"""What has sounded of the agent's voice, given out in step with the clock."""

import numpy as np

from agent.playout.sounded import RATE_HZ, Sounded
from parley.audio import Samples

PLAYED_HZ = 24_000


def tone(seconds: float) -> Samples:
    time = np.arange(round(seconds * PLAYED_HZ)) / PLAYED_HZ
    return (10_000 * np.sin(2 * np.pi * 400 * time)).astype(np.int16)


def taken(sounded: Sounded, start_s: float, end_s: float) -> Samples:
    """Asked every 20 ms."""
    times = np.arange(start_s + 0.02, end_s + 0.001, 0.02)
    return np.concatenate([sounded.take(float(now_s)) for now_s in times])


def loud_s(samples: Samples) -> float:
    return float(np.count_nonzero(np.abs(samples) > 500) / RATE_HZ)


def test_what_sounds_is_given_out_once_at_its_time_with_silence_around_it() -> None:
    sounded = Sounded(PLAYED_HZ)
    sounded.take(10.0)
    sounded.add(10.1, tone(0.04))
    sounded.add(10.14, tone(0.04))
    samples = taken(sounded, 10.0, 10.4)
    assert abs(len(samples) - 0.4 * RATE_HZ) < 0.01 * RATE_HZ
    first = int(np.argmax(np.abs(samples) > 500)) / RATE_HZ
    assert 0.09 < first < 0.11
    assert 0.07 < loud_s(samples) < 0.09


def test_what_was_taken_back_never_sounded() -> None:
    sounded = Sounded(PLAYED_HZ)
    sounded.take(10.0)
    for number in range(5):
        sounded.add(10.0 + 0.04 * number, tone(0.04))
    before = taken(sounded, 10.0, 10.06)
    sounded.take_back(10.06)
    after = taken(sounded, 10.06, 10.4)
    assert 0.04 < loud_s(np.concatenate([before, after])) < 0.065
    assert not after[round(0.02 * RATE_HZ) :].any()


def test_nothing_is_given_out_of_the_time_before_it_was_first_asked() -> None:
    sounded = Sounded(PLAYED_HZ)
    sounded.add(1.0, tone(0.04))
    assert len(sounded.take(5.0)) == 0
    assert not taken(sounded, 5.0, 5.2).any()
