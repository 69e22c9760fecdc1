"""Loops and noise: what is kept of Whisper's texts. Tokens are made up, figures were measured."""

from dataclasses import replace

import numpy as np
import pytest

from workers.engines.asr_engine import DecodedText, DecodeRequest, Draft
from workers.engines.repetition import is_loop
from workers.engines.whisper.guards import is_noise
from workers.engines.whisper.output import Output
from workers.engines.whisper.segments import segments, within
from workers.recognition.guards import settle, voice_certainty

END, FIRST_TIMESTAMP = 1000, 1010
SURE = DecodeRequest(samples=np.zeros(48000, np.float32), voice=0.98, language="en")
DISTANT = replace(SURE, voice=0.79)


def loop(text: str) -> Draft:
    return Draft(DecodedText(text, 0.7), loops=True)


def output(text: str, *, log_prob: float, no_speech: float, loops: bool = False) -> Output:
    return Output(DecodedText(text, 0.7), (1, 2), log_prob, no_speech, loops)


def stamp(seconds: float) -> int:
    return FIRST_TIMESTAMP + round(seconds * 50)


def cut(tokens: list[int], duration_s: float) -> list[int]:
    found = segments(tokens, end_token=END, first_timestamp=FIRST_TIMESTAMP)
    return [token for segment in within(found, duration_s) for token in segment.tokens]


def test_what_begins_after_the_sound_has_ended_is_dropped() -> None:
    again = [stamp(0), 7, 8, 9, stamp(5.5), stamp(5.5), 7, 8, 9]
    assert cut(again, 5.1) == [7, 8, 9]


def test_what_begins_within_the_sound_is_kept() -> None:
    two = [stamp(0), 7, 8, stamp(2.4), stamp(2.4), 9, stamp(4.8)]
    assert cut(two, 5.1) == [7, 8, 9]


def test_speech_of_a_moment_is_kept_whatever_its_timestamps() -> None:
    assert cut([stamp(0.3), 7, stamp(2.0)], 0.3) == [7]


@pytest.mark.parametrize(
    "tokens",
    [
        [5] * 9,
        [5, 6] * 5,
        [1, *[5, 6, 7] * 3],
        [3, 4, 5, 6, 7, 8] * 2,
        [*range(12), *range(12)],
    ],
)
def test_a_loop_is_recognized_at_every_length(tokens: list[int]) -> None:
    assert is_loop(tokens, "")


@pytest.mark.parametrize("tokens", [[], [5], [5, 6] * 3, [5, 6, 7, 8, 9] * 2, list(range(40))])
def test_what_people_say_twice_is_no_loop(tokens: list[int]) -> None:
    assert not is_loop(tokens, "")


def test_text_that_compresses_like_a_loop_is_one() -> None:
    assert is_loop([], "I'm going to get the phone. " * 6)
    assert not is_loop([], "There's iron, they say, in all our blood, and a grain or two is good.")


def test_a_loop_asks_for_another_attempt() -> None:
    assert settle([loop("no no no")], attempts=3) is None


def test_a_loop_that_two_attempts_agree_on_was_said() -> None:
    said = loop("no no no no")
    assert settle([loop("no no"), said, said], attempts=9) == said.decoded


def test_the_last_attempt_settles_for_the_shortest_loop() -> None:
    drafts = [loop("so " * 9), loop("so " * 5)]
    assert settle(drafts, attempts=2) == drafts[1].decoded


@pytest.mark.parametrize(
    ("log_prob", "no_speech"),
    [(-0.29, 0.01), (-0.97, 0.04), (-1.36, 0.02), (-0.45, 0.31), (-0.69, 0.47)],
)
def test_speech_that_a_voice_is_sure_in_is_kept(log_prob: float, no_speech: float) -> None:
    assert not is_noise(SURE, output("yes", log_prob=log_prob, no_speech=no_speech))


@pytest.mark.parametrize(
    ("log_prob", "no_speech"),
    [(-0.73, 0.70), (-1.05, 0.69), (-1.45, 0.77), (-1.22, 0.18), (-0.90, 0.35)],
)
def test_sentences_out_of_distant_talk_are_dropped(log_prob: float, no_speech: float) -> None:
    assert is_noise(DISTANT, output("Thank you.", log_prob=log_prob, no_speech=no_speech))


def test_a_loop_out_of_distant_talk_is_dropped_at_once() -> None:
    heard = output("I'm sorry. " * 9, log_prob=-0.2, no_speech=0.56, loops=True)
    assert is_noise(DISTANT, heard)


def test_a_voice_is_as_sure_as_its_surest_windows() -> None:
    word = np.array([0.1, 0.9, 0.99, 0.99, 0.99, 0.98, 0.2], np.float32)
    assert voice_certainty(np.concatenate([word, np.zeros(900, np.float32)])) > 0.95
    assert voice_certainty(np.array([0.99], np.float32)) < 0.5
    assert voice_certainty(np.empty(0, np.float32)) == 0
