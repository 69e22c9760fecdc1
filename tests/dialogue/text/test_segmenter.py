"""A reply is cut into stretches early, then well, and never loses a character."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogue.text.segmenter import MAX_STRETCH_CHARS, ClauseSegmenter, ends_sentence


def tokens(text: str) -> list[str]:
    """As a language model streams it: a few characters at a time, spaces before words."""
    return re.findall(r"\s?\S{1,5}|\s", text)


def stretches(text: str, first_flush_words: int = 3) -> list[str]:
    segmenter = ClauseSegmenter(first_flush_words)
    parts = [part for token in tokens(text) for part in segmenter.push(token)]
    return [*parts, *segmenter.finish()]


def test_first_stretch_comes_after_a_few_words() -> None:
    segmenter = ClauseSegmenter(3)
    assert segmenter.push("Green tea tastes ") == ["Green tea tastes "]


def test_first_stretch_does_not_end_in_a_word_that_belongs_to_the_next() -> None:
    assert stretches("The capital of France is Paris.")[0] == "The capital "
    assert stretches("I am the best singer here.")[0] == "I am the best "


def test_two_words_are_spoken_unless_the_next_may_change_them() -> None:
    assert stretches("Green tea tastes good today.", 2)[0] == "Green tea "
    assert stretches("Tue, Mar 3 suits me well.", 2)[0] == "Tue, Mar 3 suits "
    assert stretches("the XXI century was long.", 2)[0] == "the XXI century "


def test_a_short_sentence_is_spoken_at_once() -> None:
    segmenter = ClauseSegmenter(3)
    assert segmenter.push("Yes. ") == ["Yes. "]
    assert segmenter.push("Of") == []


def test_stretches_grow_to_sentences() -> None:
    words = "one two three four five six seven eight nine ten eleven twelve".split()
    lengths = [len(part.split()) for part in stretches(" ".join(words * 8))]
    assert lengths[0] == 3
    assert lengths[:-1] == sorted(lengths[:-1])
    assert lengths[-2] == 40


@pytest.mark.parametrize(
    "kept",
    [
        "Dr. Smith",
        "Mr. J. Jones",
        "3.14 meters",
        "$1.50 each",
        "e.g. apples",
        "i.e. never",
        "U.S. Army",
        "Acme Inc. and",
        "p.m. today",
        "etc. and",
        "No. 5",
        "March 5, 2024",
        "1,000,000 people",
        "1. Apples",
        "approx. five",
        "<break time='1s'/>",
        "[the manual](https://example.com/a)",
        "https://example.com/a.b?c=d",
    ],
)
def test_what_belongs_together_is_not_cut_after_its_stop(kept: str) -> None:
    before = "" if kept[0] == "1" and kept[1] == "." else "We know well enough that "
    text = f"{before}{kept} stays whole here, as it should be."
    assert any(kept in part for part in stretches(text, first_flush_words=5)), stretches(text)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("He left at 3 p.m. Then it rained.", ["He left at 3 p.m. ", "Then it rained."]),
        ("Is it? Yes! It is…", ["Is it? ", "Yes! ", "It is…"]),
        ("“Go.” She went.", ["“Go.” ", "She went."]),
        ("First line\nsecond line", ["First line\n", "second line"]),
        ("It costs 5. That is fine.", ["It costs 5. ", "That is fine."]),
        ("今天很好。我们走吧！", ["今天很好。", "我们走吧！"]),
    ],
)
def test_sentences_end_where_they_end(text: str, sentences: list[str]) -> None:
    assert stretches(text, first_flush_words=6) == sentences


@pytest.mark.parametrize("piece", [" Dr.", "Dr. ", " 1.", "I know it. 1. ", "\nMr.", " J.", "No."])
def test_a_piece_that_ends_in_a_stop_may_be_no_end(piece: str) -> None:
    """Language models write a space in front of a word, not behind it."""
    assert not ends_sentence(piece)


@pytest.mark.parametrize("piece", [" end.", "It is 3.", " I saw 12. ", "Go. Stop.", " Really?"])
def test_a_piece_that_ends_in_a_stop_may_be_one(piece: str) -> None:
    assert ends_sentence(piece)


def test_a_pause_of_the_writer_frees_the_whole_words() -> None:
    segmenter = ClauseSegmenter(10)
    assert segmenter.push("so I was going to say some") == []
    assert segmenter.phrase(2) == ["so I was going to say "]
    assert segmenter.finish() == ["some"]


def test_a_pause_within_a_tag_frees_nothing_of_it() -> None:
    segmenter = ClauseSegmenter(10)
    segmenter.push("Look <a href='x' ")
    assert segmenter.phrase(2, anywhere=True) == []
    assert segmenter.phrase(1, anywhere=True) == ["Look "]


def test_a_phrase_ends_at_the_last_natural_place_and_has_so_many_words() -> None:
    segmenter = ClauseSegmenter(10)
    segmenter.push("we went to the ")
    assert segmenter.phrase(3) == []
    assert segmenter.phrase(2, anywhere=True) == ["we went "]
    segmenter.push("sea and the ")
    assert segmenter.phrase(5) == []
    assert segmenter.phrase(3) == ["to the sea "]
    assert segmenter.phrase(3, anywhere=True) == []
    assert segmenter.phrase(2, anywhere=True) == ["and the "]


@pytest.mark.parametrize(
    "bomb", ["a", "a ", "<", "<a ", "[", "(", ". ", "1.", "\n", "&lol; ", "😀", "。"]
)
def test_a_hundred_thousand_characters_are_cut_into_stretches_of_bounded_length(bomb: str) -> None:
    text = (bomb * 100_000)[:100_000]
    segmenter = ClauseSegmenter(3)
    parts = [*segmenter.push(text), *segmenter.finish()]
    assert "".join(parts) == text
    assert max(map(len, parts)) <= MAX_STRETCH_CHARS


@given(st.lists(st.text(max_size=40)), st.integers(1, 8), st.data())
def test_no_character_is_lost_or_moved(
    pieces: list[str], first_flush_words: int, data: st.DataObject
) -> None:
    segmenter = ClauseSegmenter(first_flush_words)
    parts = []
    for piece in pieces:
        parts += segmenter.push(piece)
        if data.draw(st.booleans()):
            parts += segmenter.phrase(2, anywhere=True)
    parts += segmenter.finish()
    assert "".join(parts) == "".join(pieces)
    assert all(parts)


@given(st.lists(st.text(alphabet="ab.,!?", min_size=1), max_size=60).map(" ".join))
def test_how_the_text_is_tokenized_does_not_matter(text: str) -> None:
    whole = ClauseSegmenter(3)
    at_once = [*whole.push(text), *whole.finish()]
    one_by_one = ClauseSegmenter(3)
    parts = [part for character in text for part in one_by_one.push(character)]
    assert [*parts, *one_by_one.finish()] == at_once
