"""What counts as an answer: begun after the speech, and neither a filler nor an apology."""

import numpy as np
import pytest

from caller.answers import answer_sample, reply_sample
from caller.call_recording import SAMPLE_RATE_HZ, CallRecording
from caller.client import HeardEvent
from caller.floor_log import FloorLog
from parley.room_events import AnyEvent, FloorEvent, FloorName, TurnEvent, TurnStages

UNIX_S = 1_700_000_000.0
SPEECH_ENDS_S = 2.0
DOWNLINK_S = 0.06


def floor(at_s: float, name: FloorName) -> FloorEvent:
    return FloorEvent(floor=name, at_s=UNIX_S + at_s)


def turn(at_s: float, *, filler: bool = False) -> TurnEvent:
    return TurnEvent(turn=1, stages=TurnStages(), filler=filler, at_s=UNIX_S + at_s)


def answered_after_s(*events: AnyEvent, sounds: tuple[tuple[float, float], ...]) -> list[float]:
    """Seconds from the end of speech to the answer, and to any reply; -1: there was none."""
    heard = np.zeros(10 * SAMPLE_RATE_HZ, dtype=np.int16)
    for start_s, end_s in sounds:
        first, last = (round((s + DOWNLINK_S) * SAMPLE_RATE_HZ) for s in (start_s, end_s))
        heard[first:last] = 5000
    recording = CallRecording(np.zeros_like(heard), heard, 0.0, UNIX_S)
    log = FloorLog.of([HeardEvent(0.0, event) for event in events], unix_offset_s=UNIX_S)
    end = round(SPEECH_ENDS_S * SAMPLE_RATE_HZ)
    found = (
        ask(recording, log, end=end, until=len(heard)) for ask in (answer_sample, reply_sample)
    )
    return [-1 if at is None else (at - end) / SAMPLE_RATE_HZ for at in found]


def test_an_answer_is_timed_at_the_ear() -> None:
    told = floor(3.0, "speaking"), turn(3.0), floor(5.0, "quiet")
    assert answered_after_s(*told, sounds=((3.0, 5.0),)) == pytest.approx([1.06, 1.06], abs=0.01)


@pytest.mark.parametrize(("from_s", "to_s", "answer_s"), [(3, 3.8, 5), (2.3, 2.9, 3.4), (4, 6, 8)])
def test_a_filler_is_no_answer_and_what_follows_it_is(
    from_s: float, to_s: float, answer_s: float
) -> None:
    filler = floor(from_s, "speaking"), turn(from_s, filler=True)
    after_s = from_s - SPEECH_ENDS_S + DOWNLINK_S
    heard = answered_after_s(*filler, floor(to_s, "quiet"), sounds=((from_s, to_s),))
    assert heard == pytest.approx([-1, after_s], abs=0.01)
    sounds = ((from_s, to_s), (answer_s - 0.1, answer_s + 1.5))
    heard = answered_after_s(*filler, turn(answer_s), sounds=sounds)
    assert heard == pytest.approx([answer_s - SPEECH_ENDS_S, after_s], abs=0.01)


def test_the_tail_of_a_talk_over_is_no_answer() -> None:
    over = floor(1.5, "speaking"), turn(1.5), floor(2.9, "quiet")
    assert answered_after_s(*over, sounds=((1.5, 2.9),)) == [-1, -1]


def test_an_apology_is_no_answer() -> None:
    heard = answered_after_s(floor(3.0, "speaking"), sounds=((3.0, 5.0),))
    assert heard == pytest.approx([-1, 1.06], abs=0.01)
