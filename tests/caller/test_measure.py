"""What the caller measures, on sounds whose edges are known to the sample."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caller import measure
from caller.measure import Sound
from parley.audio import Samples

RATE = 48_000
MS = RATE // 1000


def noise(count: int, dbfs: float, seed: int = 0) -> Samples:
    scale = 32768 * 10 ** (dbfs / 20)
    return np.random.default_rng(seed).normal(0, scale, count).clip(-32767, 32767).astype(np.int16)


def square(count: int, dbfs: float) -> Samples:
    """Every sample at the level, so that its edges are exact."""
    level = round(32768 * 10 ** (dbfs / 20))
    return np.where(np.arange(count) // 24 % 2, level, -level).astype(np.int16)


def at(position: int, sound: Samples, *, within: Samples) -> Samples:
    mixed = within.astype(np.int32)
    mixed[position : position + len(sound)] += sound
    return mixed.clip(-32768, 32767).astype(np.int16)


@given(
    start=st.integers(0, 40_000),
    length=st.integers(40 * MS, 30_000),
    level=st.floats(-35, -6),
)
def test_onset_and_end_of_a_sound_are_exact_on_a_silent_line(
    start: int, length: int, level: float
) -> None:
    line = at(start, square(length, level), within=np.zeros(80_000, dtype=np.int16))
    assert measure.sounds(line, RATE, measure.AUDIBLE_DBFS) == (Sound(start, start + length),)


@given(
    start=st.integers(20_000, 40_000), length=st.integers(60 * MS, 20_000), seed=st.integers(0, 99)
)
def test_edges_are_exact_over_noise_that_lies_well_below(
    start: int, length: int, seed: int
) -> None:
    line = at(start, square(length, -20), within=noise(80_000, -45, seed))
    threshold = measure.audible_threshold_dbfs(line[:20_000], RATE)
    assert measure.sounds(line, RATE, threshold) == (Sound(start, start + length),)


@given(seed=st.integers(0, 200), level=st.floats(-80, -20))
def test_a_steady_noise_is_never_a_reply(seed: int, level: float) -> None:
    line = noise(96_000, level, seed)
    threshold = measure.audible_threshold_dbfs(line[:24_000], RATE)
    assert measure.sounds(line, RATE, threshold) == ()


@pytest.mark.parametrize("click_ms", [0.1, 1, 10])
def test_a_click_is_not_a_reply(click_ms: float) -> None:
    line = at(30_001, square(round(click_ms * MS), -6), within=np.zeros(96_000, dtype=np.int16))
    assert measure.sounds(line, RATE, measure.AUDIBLE_DBFS) == ()


def test_pauses_within_a_reply_do_not_split_it_and_long_silence_does() -> None:
    line = np.zeros(5 * RATE, dtype=np.int16)
    for start_ms, length_ms in ((500, 300), (1200, 300), (2600, 400)):
        line = at(start_ms * MS, square(length_ms * MS, -20), within=line)
    assert measure.sounds(line, RATE, measure.AUDIBLE_DBFS) == (
        Sound(500 * MS, 1500 * MS),
        Sound(2600 * MS, 3000 * MS),
    )


@given(
    lead=st.integers(0, 20_000),
    length=st.integers(100 * MS, 60_000),
    tail=st.integers(0, 60_000),
    level=st.floats(-30, -6),
    below=st.floats(30, 60),
)
def test_speech_ends_where_it_stops_whatever_room_noise_follows(
    lead: int, length: int, tail: int, level: float, below: float
) -> None:
    room = noise(lead + length + tail, level - below)
    end = measure.speech_end(at(lead, square(length, level), within=room), RATE)
    # Room noise adds to the last samples themselves: within a few of them.
    assert abs(end - (lead + length)) <= 2 * MS


def test_a_faint_tail_18_db_under_the_loud_parts_is_not_speech() -> None:
    loud, faint = square(RATE, -12), square(RATE // 2, -12 - 19)
    assert measure.speech_end(np.concatenate([loud, faint]), RATE) == RATE
    spoken = square(RATE // 2, -12 - 17)
    assert measure.speech_end(np.concatenate([loud, spoken]), RATE) == RATE + RATE // 2


def test_long_silence_around_short_speech_does_not_move_its_end() -> None:
    line = at(10 * RATE, square(RATE // 2, -20), within=np.zeros(30 * RATE, dtype=np.int16))
    assert measure.speech_end(line, RATE) == 10 * RATE + RATE // 2


@pytest.mark.parametrize(
    "samples", [np.zeros(0, np.int16), np.zeros(RATE, np.int16), square(9, -6)]
)
def test_sound_without_speech_ends_where_its_samples_do(samples: Samples) -> None:
    assert measure.speech_end(samples, RATE) == len(samples)


def test_the_reply_is_what_begins_after_the_caller_ended() -> None:
    cut_off, reply, more = Sound(100, 200), Sound(900, 1500), Sound(3000, 4000)
    assert measure.reply_among([cut_off, reply, more], 500) == Sound(900, 4000)
    assert measure.reply_among([cut_off], 500) is None
    assert measure.reply_among([], 500) is None


def test_talking_over_the_callers_end_counts_as_a_reply_only_when_nothing_follows() -> None:
    over, reply = Sound(300, 700), Sound(1500, 2000)
    assert measure.reply_among([over], 500) == over
    assert measure.reply_among([over, reply], 500) == reply


def test_audible_time_counts_the_sound_and_not_the_pauses() -> None:
    line = np.concatenate([square(RATE, -20), np.zeros(RATE, np.int16), square(RATE, -20)])
    assert measure.audible_s(line, RATE, measure.AUDIBLE_DBFS) == pytest.approx(2.0)
