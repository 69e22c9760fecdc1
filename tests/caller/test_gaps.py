"""Gaps inside replies by ear: a track that ran dry is told from a voice that pauses."""

import numpy as np
import pytest

from caller.call_recording import SAMPLE_RATE_HZ, CallRecording
from caller.floor_log import FloorLog
from caller.gaps import breaks, long_silences, reply_gaps
from parley.audio import Audio, Samples
from parley.room_events import FloorEvent, FloorName
from tests.workers.speech_sounds import LIGHTS, RATE_HZ, WEATHER, speech

UNIX_S = 1_700_000_000.0


def said() -> Samples:
    voice = np.concatenate([speech(LIGHTS), speech(WEATHER)])
    audio = Audio((np.clip(voice, -1, 1) * 32767).astype(np.int16), RATE_HZ)
    return audio.resampled(SAMPLE_RATE_HZ).samples


def with_silence(samples: Samples, *, at_s: float, length_s: float) -> Samples:
    at = round(at_s * SAMPLE_RATE_HZ)
    silence = np.zeros(round(length_s * SAMPLE_RATE_HZ), dtype=np.int16)
    return np.concatenate([samples[:at], silence, samples[at:]])


def loudest_s(samples: Samples) -> float:
    return float(np.argmax(np.abs(samples[SAMPLE_RATE_HZ:].astype(np.int32)))) / SAMPLE_RATE_HZ + 1


def test_a_voice_that_pauses_has_no_gap_and_one_that_broke_off_has() -> None:
    voice = said()
    assert breaks(voice, SAMPLE_RATE_HZ) == ()
    for length_s in (0.06, 0.2, 0.6):
        dry = with_silence(voice, at_s=loudest_s(voice), length_s=length_s)
        (gap,) = breaks(dry, SAMPLE_RATE_HZ)
        assert (gap.end - gap.start) / SAMPLE_RATE_HZ == pytest.approx(length_s, abs=0.025)


def judged(samples: Samples, *floors: tuple[float, FloorName]) -> tuple[int, int]:
    """How many gaps, and how many long silences."""
    recording = CallRecording(np.zeros_like(samples), samples, 0.0, UNIX_S)
    log = FloorLog(tuple(FloorEvent(floor=name, at_s=UNIX_S + at) for at, name in floors))
    span = {"start": 0, "end": len(samples)}
    return len(reply_gaps(recording, log, **span)), len(long_silences(recording, log, **span))


def test_only_what_breaks_off_while_the_agent_speaks_is_a_gap() -> None:
    voice = said()
    at_s = loudest_s(voice)
    dry = with_silence(voice, at_s=at_s, length_s=0.5)
    assert judged(dry, (0.0, "speaking")) == (1, 0)
    held = (0.0, "speaking"), (at_s - 0.01, "held"), (at_s + 0.4, "speaking")
    assert judged(dry, *held) == (0, 0)


def test_a_silence_that_no_voice_makes_is_told_however_it_begins() -> None:
    voice = said()
    late = np.concatenate([voice, np.zeros(2 * SAMPLE_RATE_HZ, dtype=np.int16), voice])
    assert judged(late, (0.0, "speaking")) == (0, 1)
    after = len(voice) / SAMPLE_RATE_HZ
    assert judged(late, (0.0, "speaking"), (after, "quiet"), (after + 1.9, "speaking")) == (0, 0)
