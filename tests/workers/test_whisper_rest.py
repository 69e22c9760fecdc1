"""What Whisper left out: found by its last timestamp, decoded again, joined.

Outputs are as they were recorded or made up; the model itself is at the end.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import jiwer
import numpy as np
import pytest

from caller.plain_words import plain_words
from caller.recordings import Clip, read_clips
from parley import models
from tests.workers.speech_sounds import LIGHTS, WEATHER, silence, speech
from workers.engines.asr_engine import (
    DecodedText,
    DecodedWord,
    DecodeRequest,
    Draft,
    FloatSamples,
)
from workers.engines.whisper.output import Output
from workers.engines.whisper.recognizer import DecodeAttempt, WhisperRecognizer
from workers.engines.whisper.rest import MOST_RESTS, joined, rest_from_s, rest_of
from workers.engines.whisper.segments import segments
from workers.recognition.guards import recognize, settle

END, FIRST_TIMESTAMP = 1000, 1010


def output(*tokens: int, heard_until_s: float | None = None, loops: bool = False) -> Output:
    decoded = DecodedText(" ".join(map(str, tokens)), 0.7)
    return Output(decoded, tokens, -0.4, 0.02, loops, heard_until_s)


def request(duration_s: float, *, voiced_until_s: float | None = None) -> DecodeRequest:
    samples = np.zeros(round(duration_s * 16000), np.float32)
    return DecodeRequest(samples=samples, voice=0.98, language="en", voiced_until_s=voiced_until_s)


@pytest.mark.parametrize(
    ("duration_s", "voiced_until_s", "heard_until_s"),
    [(19.7, 19.4, 4.8), (9.7, 9.4, 5.0), (6.3, 6.0, 2.2), (4.0, None, 0.9)],
)
def test_voice_long_after_the_last_timestamp_is_left_out(
    duration_s: float, voiced_until_s: float | None, heard_until_s: float
) -> None:
    said = request(duration_s, voiced_until_s=voiced_until_s)
    assert rest_from_s(said, output(5, 6, heard_until_s=heard_until_s)) == heard_until_s


@pytest.mark.parametrize(
    ("duration_s", "voiced_until_s", "heard_until_s"),
    [(9.3, 9.0, 10.0), (9.7, 9.4, 8.8), (8.0, 3.0, 2.6), (4.0, None, 3.6), (4.0, 3.7, None)],
)
def test_what_was_heard_to_its_end_leaves_nothing(
    duration_s: float, voiced_until_s: float | None, heard_until_s: float | None
) -> None:
    said = request(duration_s, voiced_until_s=voiced_until_s)
    assert rest_from_s(said, output(5, 6, heard_until_s=heard_until_s)) is None


def test_a_loop_is_no_text_that_could_be_gone_on_with() -> None:
    assert rest_from_s(request(9.0), output(5, 5, heard_until_s=2.0, loops=True)) is None


def test_the_last_timestamp_is_that_of_the_last_text() -> None:
    stamps = [FIRST_TIMESTAMP + round(50 * at_s) for at_s in (0.0, 2.4, 2.4, 4.8, 6.0)]
    tokens = [stamps[0], 5, 6, stamps[1], stamps[2], 7, stamps[3], stamps[4]]
    found = segments(tokens, end_token=END, first_timestamp=FIRST_TIMESTAMP)
    assert [(each.start_s, each.end_s) for each in found] == [(0.0, 2.4), (2.4, 4.8)]
    open_end = segments(tokens[:6], end_token=END, first_timestamp=FIRST_TIMESTAMP)
    assert open_end[-1].end_s is None


def test_the_rest_is_the_sound_and_the_voice_after_that_time() -> None:
    rest = rest_of(request(10.0, voiced_until_s=9.7), 4.0)
    assert rest.duration_s == 6.0
    assert rest.voiced_until_s == pytest.approx(5.7)


def test_joined_texts_have_all_words_at_their_times_and_one_confidence() -> None:
    one, other = output(5, 6, heard_until_s=3.0), output(7, heard_until_s=2.5)
    word = DecodedWord("7", 0.5, 1.5, 0.9)
    whole = joined(
        replace(one, decoded=replace(one.decoded, words=(replace(word, word="5 6"),))),
        replace(other, decoded=replace(other.decoded, words=(word,)), log_prob=-1.0),
        3.0,
    )
    assert whole.decoded.text == "5 6 7"
    assert [(each.start_s, each.end_s) for each in whole.decoded.words] == [(0.5, 1.5), (3.5, 4.5)]
    assert whole.log_prob == pytest.approx(-0.6)
    assert whole.decoded.confidence == pytest.approx(np.exp(-0.6))
    assert whole.heard_until_s == 5.5
    assert not whole.loops


def test_a_rest_that_says_the_same_again_is_a_loop() -> None:
    assert joined(output(*range(8)), output(*range(8)), 3.0).loops


def unsure(text: str, confidence: float) -> Draft:
    return Draft(DecodedText(text, confidence), unsure=True)


SURE, LOOP = Draft(DecodedText("a word", 0.6)), Draft(DecodedText("so so so", 0.9), loops=True)
NOTHING = Draft(DecodedText("", 1.0))


@pytest.mark.parametrize(
    ("drafts", "text"),
    [
        ([unsure("E A C", 0.3)], None),
        ([unsure("E A C", 0.3), SURE], "a word"),
        ([unsure("E A C", 0.3), unsure("easy", 0.35)], None),
        ([unsure("E A C", 0.3), unsure("easy", 0.35), unsure("A", 0.2)], "easy"),
        ([unsure("E A C", 0.3), NOTHING], "E A C"),
        ([unsure("E A C", 0.3), LOOP], "E A C"),
        ([LOOP, unsure("E A C", 0.3)], None),
        ([LOOP, unsure("E A C", 0.3), SURE], "a word"),
        ([SURE], "a word"),
    ],
)
def test_an_unsure_text_is_tried_again_and_the_surest_is_taken(
    drafts: list[Draft], text: str | None
) -> None:
    decoded = settle(drafts, attempts=4)
    assert (decoded and decoded.text) == text


def test_an_engine_of_one_attempt_is_believed_at_once() -> None:
    decoded = settle([unsure("E A C", 0.3)], attempts=1)
    assert decoded is not None
    assert decoded.text == "E A C"


class EndsEarly(WhisperRecognizer):
    """Hears the first seconds of whatever it is given, as Whisper does now and then."""

    heard_s = 3.2

    def _outputs(
        self,
        requests: Sequence[DecodeRequest],
        way: DecodeAttempt,
        abandoned: Callable[[], bool],
    ) -> list[Output | None]:
        beginnings = [
            replace(each, samples=each.samples[: round(self.heard_s * 16000)]) for each in requests
        ]
        return [
            heard and replace(heard, heard_until_s=self.heard_s)
            for heard in super()._outputs(beginnings, way, abandoned)
        ]


@pytest.fixture(scope="module")
def folder() -> Path:
    return models.ensure("whisper-base")


@pytest.fixture(scope="module")
def ends_early(folder: Path) -> EndsEarly:
    return EndsEarly(folder)


@pytest.fixture(scope="module")
def recognizer(folder: Path) -> WhisperRecognizer:
    return WhisperRecognizer(folder)


def parts(*sounds: FloatSamples) -> FloatSamples:
    """Each sound at the start of its own 3.2 s."""
    length = round(EndsEarly.heard_s * 16000)
    return np.concatenate([np.pad(sound[:length], (0, length - len(sound))) for sound in sounds])


@pytest.mark.parametrize(
    "texts",
    [
        (LIGHTS, WEATHER),
        ("Where did you put the keys?", LIGHTS, "My sister lives in London."),
        (WEATHER, "I would like a cup of coffee.", LIGHTS, "The train leaves at noon."),
    ],
)
def test_every_sentence_that_was_left_out_is_heard_with_its_words_at_their_times(
    ends_early: EndsEarly, texts: tuple[str, ...]
) -> None:
    sound = parts(*map(speech, texts))
    said = DecodeRequest(samples=sound, voice=0.98, language="en", word_times=True)
    decoded = recognize(ends_early, said)
    assert jiwer.wer(plain_words(" ".join(texts)), plain_words(decoded.text)) <= 0.2
    assert " ".join(word.word for word in decoded.words) == decoded.text
    starts = [word.start_s for word in decoded.words]
    assert starts == sorted(starts)
    assert starts[-1] > EndsEarly.heard_s * (len(texts) - 1)


def test_going_on_ends_where_the_voice_does(ends_early: EndsEarly) -> None:
    sound = parts(speech(LIGHTS), silence(3), silence(3))
    said = DecodeRequest(samples=sound, voice=0.98, language="en", voiced_until_s=2.9)
    assert plain_words(recognize(ends_early, said).text) == plain_words(LIGHTS)


def test_going_on_has_an_end(ends_early: EndsEarly) -> None:
    sound = parts(*[speech(text) for text in (LIGHTS, WEATHER) * 4])
    decoded = recognize(ends_early, DecodeRequest(samples=sound, voice=0.98, language="en"))
    heard = plain_words(decoded.text).split()
    assert heard.count("lights") <= 1 + MOST_RESTS


PAIRS = [("1998", "2609"), ("3005", "367"), ("2414", "3331"), ("2033", "3080")]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_of_two_people_in_one_recording_both_are_heard(
    recognizer: WhisperRecognizer, one: str, other: str
) -> None:
    first, second = clip_of(one), clip_of(other)
    pause = np.zeros(3200, np.float32)
    sound = np.concatenate([first.samples, pause, second.samples])
    decoded = recognize(recognizer, DecodeRequest(samples=sound, voice=0.98, language="en"))
    said = plain_words(f"{first.transcript} {second.transcript}")
    assert jiwer.wer(said, plain_words(decoded.text)) <= 0.45, decoded.text


def clip_of(speaker: str) -> Clip:
    return next(clip for clip in read_clips() if clip.speaker == speaker)
