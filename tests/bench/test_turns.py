"""How the ends of turns are counted, on pauses whose judgements are given."""

from dataclasses import replace

import numpy as np
import pytest

from agent.turns.end_of_turn import WHOLE_S
from bench.turn_fit import fitted
from bench.turn_pauses import FIT_SPEAKERS, FIT_VOICES, PausePoint, pauses, ships, split_of
from bench.turn_policies import LONGEST_S, detector, figures, silence, together, unless_whole
from caller.measure import speech_end
from tests.workers.speech_sounds import silence as quiet
from tests.workers.speech_sounds import speech

END = PausePoint(
    name="a.flac",
    speaker="2414",
    split="held_out",
    ends=True,
    sound=0.9,
    last=0.7,
    last_by_framework=0.6,
    text="What time is it?",
    asked=False,
    detector_lag_s=0.05,
    synthetic=False,
    recognizer="moonshine",
)
INSIDE = replace(END, ends=False, sound=0.1, last=0.2, last_by_framework=0.2, text="What time and")


def test_silence_alone_cuts_off_what_pauses_for_longer() -> None:
    half_a_second = figures([END, INSIDE], silence(0.5))
    assert half_a_second.delay_ms_p50 == 550
    assert half_a_second.false_by_pause == (0.0, 1.0, 1.0, 1.0)
    assert half_a_second.false_cut_off_share == 0.75
    assert (half_a_second.within_300_share, half_a_second.within_500_share) == (0.0, 0.0)


def test_a_detector_waits_for_what_it_takes_for_unfinished() -> None:
    told_apart = figures([END, INSIDE], detector(lambda p: p.last, 0.5, shortest_s=0.2))
    assert (told_apart.within_300_share, told_apart.false_cut_off_share) == (1.0, 0.0)


def test_whole_words_are_waited_for_less_long_than_open_ones() -> None:
    delay = unless_whole(silence(LONGEST_S))
    assert (delay(END), delay(INSIDE)) == (WHOLE_S, LONGEST_S)


def test_what_is_judged_together_is_told_apart() -> None:
    judged = figures([END, INSIDE], together(0.55))
    assert (judged.within_300_share, judged.false_cut_off_share) == (1.0, 0.0)


def test_the_fit_finds_what_tells_ends_apart() -> None:
    points = [END, INSIDE, replace(END, sound=0.8), replace(INSIDE, sound=0.3)] * 5
    weights = fitted(points)[True, True]
    assert weights.sound > 0
    assert weights.question > 0 > weights.open
    assert fitted(points)[False, False].sound == 0


def test_nothing_is_fitted_on_who_is_held_out_nor_on_what_ships() -> None:
    held_out = {"2414", "2609", "3005", "3080", "3331", "hibari-en-us-heart", "am_fenrir"}
    assert {split_of(speaker) for speaker in held_out} == {"held_out"}
    assert not held_out & (FIT_SPEAKERS | FIT_VOICES)
    assert ships("367-130732-0000.flac")
    assert not ships("367-130732-0002.flac")


@pytest.mark.parametrize("pause_s", [0.3, 0.8])
def test_a_pause_inside_a_turn_is_found_where_it_is(pause_s: float) -> None:
    first, second = speech("I would like to book a table"), speech("for Friday evening.")
    turn = np.concatenate([quiet(0.3), first, quiet(pause_s), second, quiet(0.3)])
    found = pauses(np.round(turn * 32767).astype(np.int16))
    assert [pause.ends for pause in found][-2:] == [False, True]
    first_ends = speech_end(np.round(first * 32767).astype(np.int16), 16000)
    spoken = 0.3 * 16000 + first_ends
    assert abs(found[-2].said - spoken) < 0.15 * 16000
    assert found[-2].voiced_until >= found[-2].said
