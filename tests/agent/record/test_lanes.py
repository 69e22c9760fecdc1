"""Each sample of a record stands where it was spoken or heard, whatever its way was like."""

import random

import numpy as np
import pytest

from agent.record.lanes import DELAY_S, PersonLane, VoiceLane
from parley.audio import Samples
from parley.records.lines import AUDIO_RATE_HZ

FRAME = 512
START_S = 100.0
ALIGNED = round(0.02 * AUDIO_RATE_HZ)
VOICE_HZ = 24_000


def beeps(seconds: float, *, every_s: float = 0.5) -> Samples:
    """Between silences a sample that stands out, at known places."""
    samples = np.zeros(round(seconds * AUDIO_RATE_HZ), np.int16)
    samples[:: round(every_s * AUDIO_RATE_HZ)] = 10_000
    return samples


def places(samples: Samples) -> list[int]:
    return [int(place) for place in np.flatnonzero(samples > 5_000)]


def spoken(
    samples: Samples, delays_s: list[float], *, began_s: float = START_S, at_once: bool = False
) -> Samples:
    """The person's lane, told of frames that come so much later than they were spoken, in order."""
    lane, given = PersonLane(START_S), []
    came_s = began_s
    for index, first in enumerate(range(0, len(samples) - FRAME + 1, FRAME)):
        ended_s = began_s + (first + FRAME) / AUDIO_RATE_HZ
        came_s = max(came_s, ended_s + delays_s[index % len(delays_s)])
        lane.push(came_s, samples[first : first + FRAME])
        given.append(lane.take(came_s - DELAY_S))
    given.append(lane.take(came_s + 0.2))
    return np.concatenate(given)


def test_frames_that_come_evenly_stand_where_they_were_spoken() -> None:
    assert places(spoken(beeps(6), [0.0])) == places(beeps(6))[: len(places(spoken(beeps(6), [0])))]


@pytest.mark.parametrize("seed", range(5))
def test_an_uneven_way_moves_nothing(seed: int) -> None:
    jitter = random.Random(seed)
    delays_s = [0.04 + jitter.expovariate(1 / 0.03) for _ in range(199)]
    said = beeps(20)
    found = places(spoken(said, delays_s))
    shifts = {a - b for a, b in zip(found, places(said), strict=False)}
    assert len(found) >= len(places(said)) - 2
    assert max(shifts) - min(shifts) < ALIGNED
    assert 0 <= min(shifts) <= round(0.06 * AUDIO_RATE_HZ)


def test_a_process_that_was_held_up_leaves_no_hole_and_moves_nothing() -> None:
    said = beeps(8)
    delays_s = [0.05] * 100 + [1.2] + [0.05] * 200
    found = places(spoken(said, delays_s))
    assert all(abs(a - b - 0.05 * AUDIO_RATE_HZ) < ALIGNED for a, b in zip(found, places(said)))  # noqa: B905


def test_a_microphone_that_was_off_leaves_silence_of_its_length() -> None:
    lane = PersonLane(START_S)
    given = []
    for began_s in (START_S, START_S + 5.0):
        for first in range(0, AUDIO_RATE_HZ, FRAME):
            frame = beeps(1.1)[first : first + FRAME]
            lane.push(began_s + (first + FRAME) / AUDIO_RATE_HZ, frame)
        given.append(lane.take(began_s + 2.0))
    found = places(np.concatenate(given))
    assert [round((place - found[0]) / AUDIO_RATE_HZ, 2) for place in found] == [
        0,
        0.5,
        1,
        5,
        5.5,
        6,
    ]


def test_both_lanes_are_of_one_length_from_the_first_sample_on() -> None:
    person, voice = PersonLane(START_S), VoiceLane(START_S, VOICE_HZ)
    for now_s in np.arange(START_S + 0.5, START_S + 5, 0.5):
        until_s = float(now_s) - DELAY_S
        assert len(person.take(until_s)) == len(voice.take(until_s))


def test_the_agents_voice_stands_where_it_sounded_and_what_was_taken_back_is_silent() -> None:
    lane = VoiceLane(START_S, VOICE_HZ)
    lane.take(START_S - DELAY_S)
    time_s = np.arange(VOICE_HZ) / VOICE_HZ
    tone = (8_000 * np.sin(2 * np.pi * 440 * time_s)).astype(np.int16)
    lane.sounded.add(START_S + 1.0, tone)
    lane.sounded.take_back(START_S + 1.6)
    given = [lane.take(START_S + at_s) for at_s in (0.5, 1.0, 1.5, 2.0, 2.5)]
    heard = np.flatnonzero(np.abs(np.concatenate(given)) > 1_000)
    assert abs(heard[0] - 1.0 * AUDIO_RATE_HZ) < ALIGNED
    assert abs(heard[-1] - 1.6 * AUDIO_RATE_HZ) < ALIGNED
