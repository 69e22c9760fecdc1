"""What `say` makes of a text before any worker sees it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.say import MAX_CHARACTERS, MAX_TEXT_CHARACTERS, sentences, speakable
from parley.errors import InvalidSpeechRequestError

BILLION_LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">'
    + "".join(f'<!ENTITY lol{n} "{f"&lol{n - 1};" * 10}">' for n in range(1, 10))
    + "]><speak>&lol9;</speak>"
)


def words(text: str) -> list[str]:
    return text.split()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "nothing to say"),
        (" \n\t", "nothing to say"),
        ("🙂🎉👩‍👩‍👧", "nothing to say"),
        ("\ud800", "nothing to say"),
        ("?!…", "nothing to say"),
        ("a" * 100_000, "at most 20,000"),
        (BILLION_LAUGHS, "knows no SSML"),
        ("<speak><break time='10000h'/></speak>", "knows no SSML"),
        ("< SPEAK>hello", "knows no SSML"),
    ],
)
def test_text_that_cannot_be_spoken_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(InvalidSpeechRequestError, match=reason):
        speakable(text)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("one \ud800two", "one two"),
        ("smile \ud83d\ude42 now", "smile 🙂 now"),
        ("caf\udcc3\udca9", "caf"),
        ("a\x00b\x1b[31m", "a b [31m"),
    ],
)
def test_what_is_no_character_is_left_out(text: str, clean: str) -> None:
    assert speakable(text) == clean


@given(st.text(max_size=300, alphabet=st.characters()))
def test_any_text_is_either_refused_or_can_travel(text: str) -> None:
    try:
        clean = speakable(text)
    except InvalidSpeechRequestError:
        return
    clean.encode("utf-8")
    assert list(sentences(clean))


def test_sentences_are_split_where_they_end() -> None:
    text = 'Dr. Smith met J. Doe. "Really?" she asked. Yes!\nA new line 🙂 … and more。最后。好'
    assert list(sentences(text)) == [
        "Dr. Smith met J. Doe.",
        '"Really?"',
        "she asked.",
        "Yes!",
        "A new line 🙂 …",
        "and more。",
        "最后。",
        "好",
    ]


@given(st.text(alphabet="ab .!?\n🙂", min_size=1, max_size=MAX_CHARACTERS // 2))
def test_no_word_is_lost_and_no_text_is_too_long(text: str) -> None:
    spoken = list(sentences(text))
    assert all(0 < len(sentence) <= MAX_TEXT_CHARACTERS for sentence in spoken)
    said = [word for word in words(" ".join(spoken)) if any(c.isalnum() for c in word)]
    assert said == [word for word in words(text) if any(c.isalnum() for c in word)]


def test_a_word_longer_than_a_text_may_be_is_cut() -> None:
    assert [len(part) for part in sentences("x" * 4500)] == [2000, 2000, 500]


def test_a_long_sentence_is_cut_between_words() -> None:
    text = "word " * 1000
    parts = list(sentences(text))
    assert words(" ".join(parts)) == words(text)
    assert all(part.startswith("word") and part.endswith("word") for part in parts)
