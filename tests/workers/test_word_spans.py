"""Every word of a text finds its sounds, however a phonemizer joins, splits or drops words."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from workers.engines.word_spans import (
    PlacedWord,
    place_words,
    proportional_words,
    split_at_pauses,
    word_spans,
)

SOUNDS = {
    "of": "ʌv",
    "the": "ðə",
    "in": "ɪn",
    "2024": "tuː θaʊzənd twɛnti fɔːɹ",
    "$3": "θɹiː dɑlɚz",
    "we": "wiː",
    "paid": "peɪd",
    "—": "",
    "...": "",
    "hi,": "haɪ,",
    "it.": "ɪt.",
}


def _alone(word: str) -> Iterable[str]:
    return SOUNDS[word]


def _heard(words: list[str], phonemes: str) -> list[str]:
    return [phonemes[start:end] for start, end in word_spans(words, list(phonemes), _alone)]


def test_plain_words_are_the_groups_between_spaces_without_their_punctuation() -> None:
    assert _heard(["hi,", "we", "paid"], "haɪ, wiː peɪd.") == ["haɪ", "wiː", "peɪd"]


def test_joined_words_are_parted() -> None:
    assert _heard(["paid", "in", "the", "it."], "peɪd ɪnðə ɪt.") == ["peɪd", "ɪn", "ðə", "ɪt"]


def test_number_takes_all_its_groups() -> None:
    heard = _heard(["in", "2024", "we", "paid"], "ɪn tuː θaʊzənd twɛnti fɔːɹ wiː peɪd")
    assert heard == ["ɪn", "tuː θaʊzənd twɛnti fɔːɹ", "wiː", "peɪd"]


def test_word_without_a_sound_takes_none() -> None:
    assert _heard(["hi,", "—", "we"], "haɪ, wiː") == ["haɪ", "", "wiː"]
    assert _heard(["...", "we"], "wiː") == ["", "wiː"]


def test_equal_counts_do_not_hide_a_join_and_a_split() -> None:
    heard = _heard(["of", "the", "$3"], "ʌvðə θɹiː dɑlɚz")
    assert heard == ["ʌv", "ðə", "θɹiː dɑlɚz"]


@given(
    words=st.lists(st.sampled_from(list(SOUNDS)), max_size=12),
    phonemes=st.text("ʌvðəɪn tuː,.—", max_size=60),
)
def test_spans_are_in_order_and_inside_whatever_the_phonemizer_said(
    words: list[str], phonemes: str
) -> None:
    spans = word_spans(words, list(phonemes), _alone)
    assert len(spans) == len(words)
    edge = 0
    for start, end in spans:
        assert edge <= start <= end <= len(phonemes)
        edge = end


def test_words_share_a_stretch_by_weight() -> None:
    words = proportional_words(["a", "bcd", "-"], [1, 3, 0], 100, 500)
    assert [(w.start_sample, w.end_sample) for w in words] == [(100, 200), (200, 500), (500, 500)]
    silent = proportional_words(["-"], [0.0], 5, 9)
    assert (silent[0].start_sample, silent[0].end_sample) == (5, 5)


def test_long_speech_is_split_at_a_pause_else_at_a_space_else_anywhere() -> None:
    def split(text: str, most: int) -> list[str]:
        return ["".join(part) for part in split_at_pauses(tuple(text), most=most)]

    assert split("ab cd", 9) == ["ab cd"]
    assert split("ab, cd ef gh", 9) == ["ab, ", "cd ef gh"]
    assert split("ab cd ef gh", 8) == ["ab cd ", "ef gh"]
    assert split("abcdefgh", 3) == ["abc", "def", "gh"]


def test_words_are_placed_in_the_sentence_they_begin_in() -> None:
    placed = place_words("Hi. — You go!", [tuple("Hi."), tuple("You go!")], tuple)
    assert [(word.word, word.sentence) for word in placed][::2] == [("Hi.", 0), ("You", 1)]
    assert placed[-1] == PlacedWord("go!", 1, 4, 6)
    assert place_words("...", [], tuple) == []
