"""Turns and speech segments: what is decoded as one. A window of sound is as loud as its number."""

from itertools import pairwise

import numpy as np
import pytest

from workers.engines.asr_engine import DecodedText, DecodedWord
from workers.recognition.segment import SpeechSegment
from workers.recognition.turn import SpokenTurn

WINDOW = 512
SPEECH, SILENCE = 0.95, 0.03


class Speaker:
    """Says and hears windows of 32 ms, counting from the start of the call."""

    def __init__(self) -> None:
        self.turn = SpokenTurn(SpeechSegment(0))
        self.windows = 0

    def feed(self, seconds: float, probability: float) -> None:
        for _ in range(round(seconds * 16000 / WINDOW)):
            self.turn.append(np.full(WINDOW, self.windows, np.float32))
            self.turn.add_window(self.windows * WINDOW, probability)
            self.windows += 1

    def say(self, seconds: float) -> None:
        self.feed(seconds, SPEECH)

    def wait(self, seconds: float) -> None:
        self.feed(seconds, SILENCE)


def hear(segment: SpeechSegment, text: str, words: tuple[DecodedWord, ...] = ()) -> None:
    segment.decoded, segment.decoded_extent = DecodedText(text, 0.8, words), segment.extent


def windows_of(segment: SpeechSegment) -> set[int]:
    return {int(value) for value in segment.sound}


@pytest.fixture
def speaker() -> Speaker:
    return Speaker()


@pytest.mark.parametrize("seconds", [30, 240, 600, 3600])
def test_silence_fills_no_memory_and_is_never_decoded(speaker: Speaker, seconds: int) -> None:
    speaker.wait(seconds)
    assert speaker.turn.open.end - speaker.turn.open.start <= 2 * 16000
    speaker.turn.end(1, at=0.0)
    assert speaker.turn.pending is None
    assert speaker.turn.text().text == ""


def test_the_sound_has_a_margin_on_both_sides_and_no_more(speaker: Speaker) -> None:
    speaker.wait(3)
    first = speaker.windows
    speaker.say(1)
    last = speaker.windows
    speaker.wait(1)
    heard = windows_of(speaker.turn.open)
    assert heard >= set(range(first - 8, last + 8))
    assert heard <= set(range(first - 11, last + 11))


@pytest.mark.parametrize(("before", "said", "after"), [(2, 1, 1), (0, 3, 0.1), (0.1, 2, 0)])
def test_the_sound_knows_where_its_voice_ends(
    speaker: Speaker, before: float, said: float, after: float
) -> None:
    speaker.wait(before)
    speaker.say(said)
    speaker.wait(after)
    segment = speaker.turn.open
    end = round(segment.sound_voiced_until_s * 16000)
    spoken = round(said * 16000 / WINDOW)
    assert segment.sound[end - 1] == round(before * 16000 / WINDOW) + spoken - 1
    assert (end == len(segment.sound)) == (after == 0)


def test_a_click_is_no_voice(speaker: Speaker) -> None:
    speaker.wait(1)
    speaker.feed(0.06, SPEECH)
    speaker.wait(1)
    assert not speaker.turn.open.is_voiced
    speaker.turn.end(1, at=0.0)
    assert speaker.turn.pending is None


def test_what_was_heard_counts_until_more_is_said(speaker: Speaker) -> None:
    speaker.say(1)
    speaker.wait(0.1)
    segment = speaker.turn.open
    hear(segment, "hello")
    speaker.wait(0.5)
    assert segment.is_decoded
    speaker.say(0.1)
    assert not segment.is_decoded


def test_a_decode_that_ended_within_a_word_does_not_count_as_all(speaker: Speaker) -> None:
    speaker.say(1)
    hear(speaker.turn.open, "hello")
    assert speaker.turn.open.is_decoded
    speaker.wait(0.1)
    assert not speaker.turn.open.is_decoded


def test_a_long_pause_ends_a_segment_and_a_flush_the_turn(speaker: Speaker) -> None:
    speaker.say(1)
    speaker.wait(2.5)
    speaker.say(1)
    first, second = speaker.turn.segments
    assert speaker.turn.pending is first
    assert speaker.turn.undecoded_samples == [first.span_samples]
    hear(first, "One.")
    assert speaker.turn.pending is None
    speaker.turn.end(7, at=0.0)
    assert speaker.turn.pending is second
    hear(second, "Two.")
    assert speaker.turn.text().text == "One. Two."


def test_a_short_pause_ends_only_a_long_segment(speaker: Speaker) -> None:
    speaker.say(3)
    speaker.wait(0.5)
    assert len(speaker.turn.segments) == 1
    speaker.say(9)
    speaker.wait(0.5)
    assert len(speaker.turn.segments) == 2


def test_endless_talk_is_cut_at_its_longest_pause_and_every_window_is_decoded_once(
    speaker: Speaker,
) -> None:
    for _ in range(40):
        speaker.say(4)
        speaker.wait(0.13)
    speaker.say(0.5)
    speaker.turn.end(1, at=0.0)
    segments = speaker.turn.segments
    assert max(len(segment.sound) for segment in segments) <= 25 * 16000
    voiced = [
        set(range(segment.voiced_from // WINDOW, segment.voiced_until // WINDOW))
        for segment in segments
        if segment.voiced_from is not None
    ]
    for earlier, later in pairwise(voiced):
        assert max(earlier) < min(later)
        assert min(later) - max(earlier) > 2  # the cut is in a pause
    assert all(windows <= windows_of(s) for windows, s in zip(voiced, segments, strict=True))


def test_talk_without_any_pause_is_cut_all_the_same(speaker: Speaker) -> None:
    speaker.say(100)
    assert len(speaker.turn.segments) > 3
    assert max(len(segment.sound) for segment in speaker.turn.segments) <= 25 * 16000


def test_heard_segments_give_their_memory_back_and_keep_their_text(speaker: Speaker) -> None:
    for number in range(4):
        speaker.say(1)
        speaker.wait(2.5)
        hear(speaker.turn.segments[-2], "" if number == 2 else f"{number}.")
        speaker.turn.forget_decoded()
    assert speaker.turn.text().text == "0. 1. 3."
    assert len(speaker.turn.segments) == 4
    assert all(len(segment.sound) == 0 for segment in speaker.turn.segments[:-1])


def test_times_count_from_the_start_of_the_call(speaker: Speaker) -> None:
    speaker.wait(10)
    speaker.say(1)
    speaker.wait(0.5)
    hear(speaker.turn.open, "Go on.", (DecodedWord("Go", 0.35, 0.5, 0.9),))
    text = speaker.turn.text()
    assert text.start_s == pytest.approx(10, abs=0.04)
    assert text.end_s == pytest.approx(11, abs=0.04)
    assert text.words[0].start_s == pytest.approx(10.05, abs=0.04)


def test_the_next_turn_begins_with_the_silence_before_it_and_not_with_the_last_word(
    speaker: Speaker,
) -> None:
    speaker.say(1)
    speaker.wait(0.26)
    rest = speaker.turn.end(1, at=0.0)
    assert rest.end == speaker.windows * WINDOW
    assert rest.start >= speaker.turn.open.voiced_until + 1600
    assert not rest.is_voiced
