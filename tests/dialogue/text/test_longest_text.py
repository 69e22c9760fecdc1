"""Whatever is written, no text is longer than workers take, and nothing written is lost."""

from collections.abc import Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dialogue.text.alignment import align
from dialogue.text.languages import languages
from dialogue.text.reading import read_out
from dialogue.text.segmenter import MAX_STRETCH_CHARS
from dialogue.text.spoken import LONGEST_TEXT, ReadWord, SpokenText, within
from parley.speech import WordTiming
from workers.synthesis.stream import LONGEST_TEXT as WORKERS_LONGEST

HOSTILE = ["9" * 400, "1." * 200, "½" * 400, "%" * 400, "$9" * 200, "1e9" * 133, "∑" * 400]
HOSTILE += ["MCMXC" * 80, "9:59" * 100, "127.0.0.1/" * 40, "$x^2$" * 80, "a@b.c" * 80, "#9" * 200]
PIECES = st.sampled_from([*"0123456789.,:/-%$€£°½²+=<>&@#*_^~§∑√π()[]{}\\|'\" ", "km", "XIV", "a"])
WRITTEN = st.lists(PIECES, max_size=MAX_STRETCH_CHARS).map("".join)


def test_the_limit_is_that_of_the_workers() -> None:
    assert LONGEST_TEXT == WORKERS_LONGEST


@pytest.mark.parametrize("code", sorted(languages()))
@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_is_too_long_and_all_that_is_written_is_there(code: str, text: str) -> None:
    pieces = list(read_out(text, language=languages()[code]))
    assert all(len(piece.text) <= LONGEST_TEXT for piece in pieces)
    assert "".join(piece.readable for piece in pieces) == text


@given(text=WRITTEN)
@settings(max_examples=60, deadline=None)
@example(text="9" * 400)
def test_no_text_of_whatever_signs_is_too_long(text: str) -> None:
    for language in languages().values():
        pieces = list(read_out(text, language=language))
        assert all(len(piece.text) <= LONGEST_TEXT for piece in pieces)
        assert "".join(piece.readable for piece in pieces) == text


@st.composite
def _spoken(draw: st.DrawFn) -> SpokenText:
    """Words over a text, several of which may speak the same characters."""
    words: list[ReadWord] = []
    readable = ""
    for _ in range(draw(st.integers(1, 12))):
        start = len(readable) + draw(st.integers(0, 2))
        readable = readable.ljust(start) + "r" * draw(st.integers(1, 5))
        said = draw(st.lists(st.integers(1, 30), min_size=1, max_size=4))
        words += (ReadWord("w" * length, start, len(readable)) for length in said)
    return SpokenText(readable + " " * draw(st.integers(0, 2)), tuple(words))


@given(spoken=_spoken(), longest=st.integers(1, 40))
def test_pieces_keep_every_word_and_every_character(spoken: SpokenText, longest: int) -> None:
    pieces = within(spoken, longest)
    assert all(0 < len(piece.text) <= longest for piece in pieces)
    assert "".join(piece.readable for piece in pieces) == spoken.readable
    said = "".join(word.text for piece in pieces for word in piece.words)
    assert said == "".join(word.text for word in spoken.words)
    for piece in pieces:
        assert all(0 <= w.start <= w.end <= len(piece.readable) for w in piece.words)
        assert "".join(timed.text for timed in align(piece, _timed(piece.words))) == piece.readable


def _timed(words: Sequence[ReadWord]) -> list[WordTiming]:
    return [WordTiming(word.text, n, n + 1) for n, word in enumerate(words)]
