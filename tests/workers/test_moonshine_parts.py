"""Moonshine without its network: tokens to text, loops and noise, word times from attention.

Tokens are made up where only their pattern matters; log probabilities were measured.
"""

from pathlib import Path

import numpy as np
import pytest

from workers.engines.asr_engine import DecodeRequest
from workers.engines.moonshine.guards import is_mistrusted, is_noise, most_tokens
from workers.engines.moonshine.network import Decoding
from workers.engines.moonshine.vocabulary import Vocabulary
from workers.engines.moonshine.word_times import FRAME_S, timed_words

ENTRIES = ["<unk>", "<s>", "</s>", "▁You", "▁don", "'", "t", "▁say", ".", "▁" + "ha" * 70]
ENTRIES += ["▁To", "-", "morrow"]


@pytest.fixture
def vocabulary(tmp_path: Path) -> Vocabulary:
    """As the published file: a length in one byte or two, then the bytes."""
    file = tmp_path / "tokenizer.bin"
    content = b""
    for entry in ENTRIES:
        data = entry.encode()
        low, high = len(data) % 128, len(data) // 128
        content += bytes([low + 128, high] if high else [low]) + data
    file.write_bytes(content)
    return Vocabulary(file)


def request(*, voice: float = 0.98, seconds: float = 3.0) -> DecodeRequest:
    samples = np.zeros(round(16000 * seconds), np.float32)
    return DecodeRequest(samples=samples, voice=voice, language="en")


def decoding(tokens: list[int], *, log_prob: float = -0.2, ended: bool = True) -> Decoding:
    return Decoding(tuple(tokens), (log_prob,) * (len(tokens) + 1), ended)


def test_tokens_become_text_without_markup(vocabulary: Vocabulary) -> None:
    assert vocabulary.text([1, 3, 4, 5, 6, 7, 8, 2]) == "You don't say."


def test_an_entry_of_two_length_bytes_is_read_whole(vocabulary: Vocabulary) -> None:
    assert vocabulary.text([9]) == "ha" * 70


def test_tomorrow_is_written_as_today(vocabulary: Vocabulary) -> None:
    assert vocabulary.text([10, 11, 12, 8]) == "Tomorrow."


def test_a_number_beyond_the_vocabulary_says_nothing(vocabulary: Vocabulary) -> None:
    assert vocabulary.text([3, 32767]) == "You"


def test_a_vocabulary_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cut").write_bytes(b"\x05ab")
    with pytest.raises(ValueError, match="cut off"):
        Vocabulary(tmp_path / "cut")


def test_words_begin_where_their_tokens_look(vocabulary: Vocabulary) -> None:
    """Two layers, two heads: each token looks at frames of its own, the end at the last."""
    tokens = [3, 4, 5, 6, 7, 8]
    looks_at = [range(5), range(5, 10), range(10, 12), range(12, 14), range(14, 30), range(30, 40)]
    attention = np.full((2, 2, len(tokens) + 1, 44), 0.001, np.float32)
    for token, frames in enumerate([*looks_at, range(40, 44)]):
        attention[:, :, token, frames] = 1.0
    words = timed_words(vocabulary, tokens, [-0.1] * 7, attention, duration_s=44 * FRAME_S)
    assert [word.word for word in words] == ["You", "don't", "say."]
    assert [round(word.start_s / FRAME_S) for word in words] == [0, 5, 14]
    assert [round(word.end_s / FRAME_S) for word in words] == [5, 14, 40]


def test_more_tokens_than_frames_still_have_times_in_order(vocabulary: Vocabulary) -> None:
    attention = np.full((1, 1, 7, 3), 0.1, np.float32)
    tokens = [3, 4, 5, 6, 7, 8]
    words = timed_words(vocabulary, tokens, [-0.1] * 7, attention, duration_s=0.07)
    starts = [word.start_s for word in words]
    assert starts == sorted(starts)


def test_silence_that_was_added_belongs_to_no_word(vocabulary: Vocabulary) -> None:
    attention = np.full((1, 1, 2, 20), 0.001, np.float32)
    attention[:, :, 0, :16], attention[:, :, 1, 16:] = 1.0, 1.0
    (word,) = timed_words(vocabulary, [3], [-0.1] * 2, attention, duration_s=0.3)
    assert (word.start_s, word.end_s) == (0.0, 0.3)


def test_a_decode_without_an_end_is_mistrusted() -> None:
    assert is_mistrusted(request(), decoding([3, 4, 5], ended=False), "You don't")
    assert not is_mistrusted(request(), decoding([3, 4, 5]), "You don't")


def test_what_repeats_itself_is_mistrusted() -> None:
    assert is_mistrusted(request(), decoding([3, 4, 5, 6] * 4), "You don't " * 4)


def test_nothing_where_a_voice_is_sure_is_mistrusted_and_not_believed_to_be_noise() -> None:
    assert not is_noise(request(), decoding([]), "")
    assert is_mistrusted(request(), decoding([]), "")
    assert is_noise(request(voice=0.6), decoding([]), "")


def test_a_network_that_is_sure_of_nothing_is_believed() -> None:
    """As it is of humming: a word is not asked for."""
    assert is_noise(request(), decoding([], log_prob=-0.05), "")


@pytest.mark.parametrize(("voice", "log_prob"), [(0.91, -0.26), (0.92, -0.5), (0.98, -0.84)])
def test_short_words_are_kept(voice: float, log_prob: float) -> None:
    assert not is_noise(request(voice=voice), decoding([3], log_prob=log_prob), "You")


@pytest.mark.parametrize(("voice", "log_prob"), [(0.51, -0.96), (0.75, -0.73), (0.78, -1.19)])
def test_sentences_out_of_distant_talk_are_dropped(voice: float, log_prob: float) -> None:
    assert is_noise(request(voice=voice), decoding([3], log_prob=log_prob), "You")


def test_a_word_that_is_written_twice_in_no_time_is_mistrusted() -> None:
    assert is_mistrusted(request(seconds=0.5), decoding([3, 8, 3, 8]), "You. You.")
    assert not is_mistrusted(request(seconds=2.0), decoding([3, 8, 3, 8]), "You, you.")
    assert not is_mistrusted(request(seconds=0.5), decoding([3, 4, 7]), "You don say")


def test_speech_can_be_as_fast_as_people_speak() -> None:
    assert most_tokens(10.0) > 60
    assert most_tokens(0.5) >= 8
