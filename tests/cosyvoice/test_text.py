"""What CosyVoice is given to say, and where its words are said to sound."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.engines.cosyvoice.parts import FEWEST_TOKENS, in_parts, plain
from workers.engines.cosyvoice.word_estimate import WordEstimate
from workers.engines.tts_engine import SpokenWord


def count_words(text: str) -> int:
    return len(text.split())


def sentence(words: int) -> str:
    return " ".join(["word"] * (words - 1) + ["end."])


def test_short_text_is_spoken_as_it_stands() -> None:
    assert in_parts("If you like, we can", count_words) == ["If you like, we can"]


def test_long_text_is_parted_between_sentences() -> None:
    text = " ".join([sentence(50), sentence(40), sentence(30)])
    assert in_parts(text, count_words) == [sentence(50), f"{sentence(40)} {sentence(30)}"]


def test_a_few_last_words_are_not_spoken_alone() -> None:
    text = " ".join([sentence(70), sentence(FEWEST_TOKENS - 1)])
    assert in_parts(text, count_words) == [text]


def test_chinese_is_parted_at_its_own_full_stops() -> None:
    text = "今天天气很好。" * 20
    parts = in_parts(text, len)
    assert "".join(parts) == text
    assert all(part.endswith("。") and len(part) <= 100 for part in parts)


@pytest.mark.parametrize("text", ["", "  ", "…", "🙂 🙃", "—"])
def test_text_without_a_sound_has_no_parts(text: str) -> None:
    assert in_parts(text, count_words) == []


@given(st.lists(st.integers(1, 120), min_size=1, max_size=8))
def test_no_word_is_lost_or_spoken_twice(lengths: list[int]) -> None:
    text = " ".join(map(sentence, lengths))
    assert " ".join(in_parts(text, count_words)) == text


def test_control_tokens_in_a_text_are_only_text() -> None:
    assert plain("Say <|endofprompt|> now") == "Say < |endofprompt|> now"


def test_words_come_with_the_audio_they_begin_in_and_the_last_ends_with_it() -> None:
    words = WordEstimate("one two three four")
    first = words.until(1000, known_end=1200, expected_end=4000)
    later = words.until(3000, known_end=3500, expected_end=3600)
    last = words.until(3600, known_end=3600)
    spoken = [*first, *later, *last]
    assert [word.word for word in spoken] == ["one", "two", "three", "four"]
    assert all(word.start_sample < 1000 for word in first)
    assert spoken[-1].end_sample == 3600


def test_last_word_waits_for_the_end_though_it_was_expected_sooner() -> None:
    words = WordEstimate("yes indeed")
    words.until(5000, known_end=5000, expected_end=2000)
    (last,) = words.until(9000, known_end=9000)
    assert last == SpokenWord("indeed", last.start_sample, 9000)


@given(
    text=st.lists(st.text("ab", min_size=1, max_size=12), min_size=1, max_size=20).map(" ".join),
    chunks=st.lists(st.integers(1, 50_000), min_size=1, max_size=8),
    ahead=st.integers(0, 50_000),
    expected=st.integers(0, 200_000),
)
def test_words_are_in_order_complete_and_within_the_speech(
    text: str, chunks: list[int], ahead: int, expected: int
) -> None:
    words, spoken, at = WordEstimate(text), [], 0
    total = sum(chunks)
    for chunk in chunks[:-1]:
        at += chunk
        spoken += words.until(at, known_end=min(total, at + ahead), expected_end=expected)
    spoken += words.until(total, known_end=total)
    assert [word.word for word in spoken] == text.split()
    edges = [edge for word in spoken for edge in (word.start_sample, word.end_sample)]
    assert edges == sorted(edges)
    assert edges[0] >= 0
    assert edges[-1] == total
