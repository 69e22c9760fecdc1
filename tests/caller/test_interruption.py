"""What is measured of an interruption, on a recording whose every edge is known."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caller import measure
from caller.call_recording import SAMPLE_RATE_HZ, CallRecording
from caller.client import HeardEvent
from caller.floor_log import FloorLog
from caller.interruption import Interruption, measure_interruption
from parley.audio import Audio, Samples
from parley.room_events import FloorEvent, FloorName, InterruptedEvent
from tests.workers.speech_sounds import RATE_HZ as SPEECH_HZ
from tests.workers.speech_sounds import speech

RATE = SAMPLE_RATE_HZ
UNIX_S = 1_700_000_000.0
DOWNLINK_S = 0.06
"""First sample handed to the track to the ear, in these recordings."""
REPLY_AT_S = 1.0
"""When the reply is handed to the track, in seconds of the recording."""


def sound(length_s: float, dbfs: float = -20.0) -> Samples:
    level = round(32768 * 10 ** (dbfs / 20))
    return np.where(np.arange(round(length_s * RATE)) // 24 % 2, level, -level).astype(np.int16)


RAMP = round(0.005 * RATE)


@cache
def spoken_reply() -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Some seconds of a voice without noise between its words, from its first sound on."""
    text = "Deserts grow cold at night, for dry air and bare stone give their warmth back. " * 2
    said = Audio((np.clip(speech(text), -1, 1) * 32767).astype(np.int16), SPEECH_HZ)
    samples = said.resampled(RATE).samples
    return samples[measure.speech_start(samples, RATE) :].astype(np.float64)


@dataclass
class Scene:
    """Ten seconds of a call, silent at first."""

    def __post_init__(self) -> None:
        self.spoken = np.zeros(10 * RATE, dtype=np.int16)
        self.heard = np.zeros(10 * RATE, dtype=np.int16)
        self.events: list[HeardEvent] = []

    def caller(self, at_s: float, length_s: float) -> None:
        part = sound(length_s)
        self.spoken[round(at_s * RATE) :][: len(part)] = part

    def ear(self, at_s: float, until_s: float, dbfs: float = -20.0) -> None:
        part = sound(until_s - at_s, dbfs)
        self.heard[round(at_s * RATE) :][: len(part)] = part

    def floor(self, at_s: float, name: FloorName) -> None:
        self.events.append(HeardEvent(at_s + 0.01, FloorEvent(floor=name, at_s=UNIX_S + at_s)))

    def cut(self, at_s: float, heard: str = "") -> None:
        event = InterruptedEvent(heard=heard, decided_at_s=UNIX_S + at_s)
        self.events.append(HeardEvent(at_s + 0.01, event))

    def measured(
        self,
        onset_s: float,
        *,
        leading_silence_s: float = 0.0,
        stop_path_s: float | None = DOWNLINK_S,
    ) -> Interruption | None:
        recording = CallRecording(self.spoken, self.heard, 0.0, UNIX_S)
        floor = FloorLog.of(self.events, unix_offset_s=UNIX_S)
        return measure_interruption(
            recording,
            floor,
            onset=round(onset_s * RATE),
            until=len(self.heard),
            leading_silence_s=leading_silence_s,
            stop_path_s=stop_path_s,
        )


def yielding(onset_s: float, *, decided_s: float, fade_s: float) -> Scene:
    """An agent that falls silent `fade_s` after its decision, and answers two seconds later."""
    scene = Scene()
    scene.floor(REPLY_AT_S, "speaking")
    scene.ear(REPLY_AT_S + DOWNLINK_S, decided_s + DOWNLINK_S + fade_s)
    scene.caller(onset_s, 1.0)
    scene.floor(decided_s - 0.05, "ducked")
    scene.floor(decided_s, "held")
    scene.floor(decided_s + 0.3, "yielded")
    scene.cut(decided_s + 0.3, "so far")
    scene.floor(decided_s + 0.3, "quiet")
    scene.floor(decided_s + 2.0, "speaking")
    scene.ear(decided_s + 2.0 + DOWNLINK_S, 9.5)
    return scene


@given(
    onset_s=st.floats(1.5, 4.0), to_decision_s=st.floats(0.1, 0.4), fade_s=st.floats(0.001, 0.045)
)
def test_decision_to_silence_is_known_to_the_sample_without_the_transport(
    onset_s: float, to_decision_s: float, fade_s: float
) -> None:
    scene = yielding(onset_s, decided_s=onset_s + to_decision_s, fade_s=fade_s)
    measured = scene.measured(onset_s)
    assert measured is not None
    assert measured.outcome == "yielded"
    assert measured.heard == "so far"
    assert measured.downlink_ms == pytest.approx(1000 * DOWNLINK_S, abs=0.11)
    assert measured.decision_to_silence_ms == pytest.approx(1000 * fade_s, abs=0.3)
    assert measured.decision_to_silence_at_ear_ms == pytest.approx(
        1000 * (fade_s + DOWNLINK_S), abs=0.2
    )
    assert measured.onset_to_decision_ms == pytest.approx(1000 * to_decision_s, abs=0.2)
    assert measured.onset_to_silence_ms == pytest.approx(
        1000 * (to_decision_s + DOWNLINK_S + fade_s), abs=0.2
    )
    assert measured.talk_over_ms == pytest.approx(measured.onset_to_silence_ms, abs=11)
    assert measured.residual_dbfs == -120
    assert measured.stale_ms == 0


def test_the_silence_a_reply_begins_with_is_not_taken_for_transport() -> None:
    scene = yielding(3.0, decided_s=3.2, fade_s=0.005)
    scene.heard[: round((REPLY_AT_S + DOWNLINK_S + 0.1) * RATE)] = 0
    measured = scene.measured(3.0, leading_silence_s=0.1)
    assert measured is not None
    assert measured.downlink_ms == pytest.approx(1000 * DOWNLINK_S, abs=0.2)


def test_sound_of_the_old_reply_after_the_cut_is_stale_and_the_answer_is_not() -> None:
    scene = yielding(3.0, decided_s=3.2, fade_s=0.005)
    clean = scene.measured(3.0)
    scene.ear(4.0, 4.12)
    stale = scene.measured(3.0)
    assert clean is not None and stale is not None
    assert clean.stale_ms == 0
    assert stale.stale_ms == pytest.approx(120, abs=1)
    assert stale.residual_dbfs > -40
    assert stale.onset_to_silence_ms == clean.onset_to_silence_ms


@pytest.mark.parametrize("length_ms", [5, 10, 20, 25])
def test_a_burst_of_five_milliseconds_after_the_cut_is_stale(length_ms: int) -> None:
    scene = yielding(3.0, decided_s=3.2, fade_s=0.005)
    for at_s in (3.7, 4.0, 4.3):
        scene.ear(at_s, at_s + length_ms / 1000, dbfs=-4)
    measured = scene.measured(3.0)
    assert measured is not None
    assert measured.stale_ms == pytest.approx(3 * length_ms, abs=0.2)


def test_the_path_of_an_end_is_never_taken_from_that_of_a_start() -> None:
    """Ends take 25 ms longer through this transport than starts do."""
    scene = yielding(3.0, decided_s=3.2, fade_s=0.005 + 0.025)
    measured = scene.measured(3.0, stop_path_s=DOWNLINK_S + 0.025)
    assert measured is not None
    assert measured.downlink_ms == pytest.approx(1000 * DOWNLINK_S, abs=0.2)
    assert measured.decision_to_silence_ms == pytest.approx(5, abs=0.3)
    unmeasured = scene.measured(3.0, stop_path_s=None)
    assert unmeasured is not None and unmeasured.decision_to_silence_ms is None
    assert unmeasured.decision_to_silence_at_ear_ms == pytest.approx(90, abs=0.3)


@pytest.mark.parametrize("true_ms", [5, 25, 45])
def test_speech_that_is_cut_at_any_moment_biases_no_figure(true_ms: int) -> None:
    """The last audible sample of a reply that had just paused by itself is no cut."""
    found, random = [], np.random.default_rng(7)
    for _ in range(120):
        decided_s = random.uniform(1.6, 3.0)
        scene = yielding(decided_s - 0.09, decided_s=decided_s, fade_s=0.0)
        scene.heard[:] = 0
        said = spoken_reply()[: round((decided_s + true_ms / 1000 - REPLY_AT_S) * RATE)].copy()
        said[-RAMP:] *= np.linspace(1, 0, RAMP)
        scene.heard[round((REPLY_AT_S + DOWNLINK_S) * RATE) :][: len(said)] = said.astype(np.int16)
        scene.ear(decided_s + 2.0 + DOWNLINK_S, 9.5)
        measured = scene.measured(decided_s - 0.09)
        assert measured is not None
        if measured.decision_to_silence_ms is not None:
            found.append(measured.decision_to_silence_ms)
    assert len(found) > 40
    assert np.median(found) == pytest.approx(true_ms, abs=2)
    assert np.mean(np.array(found) < true_ms - 5) <= 0.1
    assert max(found) <= true_ms + 1


def test_a_transport_that_changed_in_between_times_no_decision_and_makes_nothing_stale() -> None:
    """The jitter buffer has grown by 100 ms when the decision arrives, and stays so."""
    scene = yielding(3.0, decided_s=3.2, fade_s=0.1)
    scene.heard[round((5.2 + DOWNLINK_S) * RATE) :][: round(0.1 * RATE)] = 0
    measured = scene.measured(3.0)
    assert measured is not None
    assert not measured.steady
    assert measured.decision_to_silence_ms is None
    assert measured.decision_to_silence_at_ear_ms == pytest.approx(160, abs=0.3)
    assert measured.stale_ms == 0


def test_an_agent_that_talks_on_missed_the_interruption() -> None:
    scene = Scene()
    scene.floor(REPLY_AT_S, "speaking")
    scene.ear(REPLY_AT_S + DOWNLINK_S, 8.0)
    scene.floor(8.0, "quiet")
    scene.caller(3.0, 1.0)
    measured = scene.measured(3.0)
    assert measured is not None and measured.outcome == "missed"
    assert measured.decision_to_silence_ms is None


def test_a_hold_that_was_taken_back_is_not_the_decision() -> None:
    scene = Scene()
    scene.floor(REPLY_AT_S, "speaking")
    scene.ear(REPLY_AT_S + DOWNLINK_S, 3.2 + DOWNLINK_S)
    scene.caller(3.0, 1.5)
    scene.floor(3.2, "held")
    scene.floor(3.5, "speaking")
    scene.ear(3.5 + DOWNLINK_S, 3.8 + DOWNLINK_S)
    scene.floor(3.8, "yielded")
    scene.cut(3.8)
    measured = scene.measured(3.0)
    assert measured is not None
    assert measured.onset_to_decision_ms == pytest.approx(800, abs=0.2)
    assert measured.decision_to_silence_ms == pytest.approx(0, abs=0.3)


def test_a_reply_that_ends_by_itself_was_not_yielded() -> None:
    scene = Scene()
    scene.floor(REPLY_AT_S, "speaking")
    scene.ear(REPLY_AT_S + DOWNLINK_S, 3.1)
    scene.floor(3.05, "quiet")
    scene.caller(3.0, 1.0)
    measured = scene.measured(3.0)
    assert measured is not None and measured.outcome == "ended"
    assert measured.onset_to_silence_ms == pytest.approx(100, abs=0.2)


def test_a_decision_in_a_pause_of_the_reply_has_nothing_to_silence() -> None:
    scene = yielding(3.0, decided_s=3.2, fade_s=0.0)
    scene.heard[round(3.1 * RATE) : round(4.0 * RATE)] = 0
    measured = scene.measured(3.0)
    assert measured is not None and measured.outcome == "yielded"
    assert measured.decision_to_silence_ms is None
    assert measured.onset_to_silence_ms == pytest.approx(100, abs=0.2)


def test_the_duck_is_where_the_level_fell_for_good() -> None:
    scene = yielding(3.0, decided_s=3.2, fade_s=0.005)
    scene.ear(3.15, 3.2 + DOWNLINK_S, dbfs=-34)
    scene.heard[round((3.205 + DOWNLINK_S) * RATE) :][: RATE // 2] = 0
    measured = scene.measured(3.0)
    assert measured is not None
    assert measured.onset_to_duck_ms == pytest.approx(150, abs=10.1)
    assert measured.onset_to_duck_told_ms == pytest.approx(150, abs=0.2)


def test_an_agent_that_tells_nothing_is_judged_by_its_sound() -> None:
    scene = yielding(3.0, decided_s=3.2, fade_s=0.005)
    scene.events.clear()
    measured = scene.measured(3.0)
    assert measured is not None and measured.outcome == "ended"
    assert measured.onset_to_silence_ms == pytest.approx(265, abs=0.2)
    assert measured.decision_to_silence_ms is None
    assert measured.stale_ms is None


def test_speech_into_the_agents_silence_interrupts_nothing() -> None:
    scene = yielding(3.0, decided_s=3.2, fade_s=0.005)
    assert scene.measured(0.5) is None
