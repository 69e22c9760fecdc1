"""Who was cut off is waited for the next time, and not for ever."""

import numpy as np
import pytest
from livekit import rtc

from agent.turns.barge_in import SAMPLE_RATE_HZ, BargeIn
from agent.turns.cut_offs import FORGOTTEN, LATER_S, LONGEST_S, CutOffs
from agent.turns.floor import FloorPolicy
from tests.agent.test_decision_times import FRAME_S, SlowVoice
from tests.workers.speech_sounds import LIGHTS, pcm, silence, speech


def cut_off(person: CutOffs, *, pause_s: float, sounds_after_s: float, at_s: float = 100.0) -> None:
    """They pause at `at_s`, the agent takes that for the end, and they go on."""
    person.reply_sounds(at_s=at_s + sounds_after_s, spoke_s=at_s)
    person.person_takes_floor(at_s + pause_s)
    person.reply_ends()


@pytest.mark.parametrize("pause_s", [0.5, 0.6, 0.85])
def test_the_next_pause_is_waited_out(pause_s: float) -> None:
    person = CutOffs()
    cut_off(person, pause_s=pause_s, sounds_after_s=0.45)
    assert person.wait_s == pytest.approx(pause_s + LATER_S)


def test_a_long_pause_does_not_slow_the_whole_call() -> None:
    person = CutOffs()
    cut_off(person, pause_s=1.6, sounds_after_s=1.3)
    assert person.wait_s == LONGEST_S


def test_a_shorter_one_takes_nothing_back() -> None:
    person = CutOffs()
    cut_off(person, pause_s=0.8, sounds_after_s=0.5)
    cut_off(person, pause_s=0.6, sounds_after_s=0.5, at_s=200.0)
    assert person.wait_s == pytest.approx(0.8 + LATER_S)


@pytest.mark.parametrize(
    ("pause_s", "sounds_after_s"),
    [
        (3.0, 0.5),  # they listened, and then interrupted
        (1.2, 0.4),
        (9.0, 8.8),  # they had said nothing for long: what they were answered was typed
    ],
)
def test_who_interrupts_an_answer_is_not_cut_off(pause_s: float, sounds_after_s: float) -> None:
    person = CutOffs()
    cut_off(person, pause_s=pause_s, sounds_after_s=sounds_after_s)
    assert person.wait_s == 0.0


def test_over_a_greeting_nobody_is_cut_off() -> None:
    person = CutOffs()
    person.reply_sounds(at_s=1.0, spoke_s=None)
    person.person_takes_floor(1.2)
    assert person.wait_s == 0.0


def test_words_that_were_noticed_without_a_voice_tell_nothing() -> None:
    person = CutOffs()
    person.reply_sounds(at_s=1.0, spoke_s=0.5)
    person.person_takes_floor(None)
    assert person.wait_s == 0.0


def test_of_a_filler_and_its_answer_the_first_sound_counts() -> None:
    person = CutOffs()
    person.reply_sounds(at_s=1.0, spoke_s=0.5)
    person.reply_sounds(at_s=3.0, spoke_s=0.5)
    person.person_takes_floor(3.1)
    assert person.wait_s == 0.0


def test_answers_that_are_heard_out_are_given_sooner_again() -> None:
    person = CutOffs()
    changes: list[float] = []
    person.on_change = lambda: changes.append(person.wait_s)
    cut_off(person, pause_s=0.6, sounds_after_s=0.5)
    for turn in range(30):
        person.reply_sounds(at_s=200.0 + turn, spoke_s=199.0 + turn)
        person.reply_ends()
        person.reply_ends()  # it is told of the voice, and of the reply
    assert changes[:2] == [pytest.approx(0.85), pytest.approx(0.85 * (1 - FORGOTTEN))]
    assert changes == sorted(changes, reverse=True)
    assert person.wait_s == 0.0 and changes[-1] == 0.0


@pytest.mark.parametrize("sounds_after_s", [-0.1, 0.0, 0.1, 0.2])
def test_who_goes_on_as_the_answer_begins_is_cut_off_even_if_a_moment_before(
    sounds_after_s: float,
) -> None:
    voice = SlowVoice(0.0)
    barge_in = BargeIn(
        voice, policy=FloorPolicy(), on_yield=lambda cut: None, clock=lambda: voice.now_s
    )

    def hear(data: bytes) -> None:
        size = int(FRAME_S * SAMPLE_RATE_HZ)
        for start in range(0, len(data) // 2 - size + 1, size):
            voice.now_s += FRAME_S
            frame = data[2 * start : 2 * (start + size)]
            barge_in.push_audio(rtc.AudioFrame(frame, SAMPLE_RATE_HZ, 1, size))

    sounding = np.flatnonzero(np.abs(speech(LIGHTS)) > 0.02)
    lights, pause_s = speech(LIGHTS)[sounding[0] : sounding[-1]], 0.7
    hear(pcm(lights))
    barge_in.agent_thinks()
    goes_on = pcm(silence(pause_s)) + pcm(lights)
    before = 2 * round((pause_s + sounds_after_s) * SAMPLE_RATE_HZ)
    hear(goes_on[:before])
    barge_in.agent_speaks()
    hear(goes_on[before:])
    barge_in.push_transcript("Please turn off the lights", confidence=0.9)
    assert pause_s - 0.2 < barge_in.cut_offs.wait_s - LATER_S < pause_s + 0.2
