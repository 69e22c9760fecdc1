"""What `say` makes of a text before any worker sees it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.say import speakable, spoken_texts
from dialogue.text.languages import get, get_or_english
from dialogue.text.reading import FIRST_FLUSH_WORDS
from dialogue.text.segmenter import ClauseSegmenter
from dialogue.text.spoken import TextSpeaker
from parley.errors import InvalidSpeechRequestError

ENGLISH = get("en")
MAX_TEXT_CHARACTERS = 2_000
"""Of one text message to a worker (`SynthesizeText`)."""

BILLION_LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">'
    + "".join(f'<!ENTITY lol{n} "{f"&lol{n - 1};" * 10}">' for n in range(1, 10))
    + "]><speak>&lol9;</speak>"
)


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
    assert clean.strip()


@pytest.mark.parametrize("text", ["**", "<br>", "*sighs*", "---"])
def test_text_of_which_nothing_is_said_is_refused(text: str) -> None:
    with pytest.raises(InvalidSpeechRequestError, match="nothing to say"):
        spoken_texts(speakable(text), ENGLISH)


@pytest.mark.parametrize(
    "text",
    [
        "Dr. Smith met J. Doe at 7:30pm. It cost $5.50!",
        "*sighs* The code is 48213, **really** [1].",
        "Solve $x^2 + 1 = 0$, then mail jane.doe@example.com about https://example.com/a.",
        "| Name | Age |\n|---|---|\n| Ann | 30 |\nIt was 8/2 = 4, and 你好.",
        "```py\nprint(1)\n```\nThat is all.",
    ],
)
def test_a_text_is_said_as_an_answer_of_the_agent_is(text: str) -> None:
    """Token by token, through the segmenter and the rules, as `agent/tts.py` does it."""
    segmenter, speaker = ClauseSegmenter(FIRST_FLUSH_WORDS, ENGLISH), TextSpeaker(ENGLISH)
    stretches = [stretch for token in re.findall(r"\s?\S{1,4}|\s", text)
                 for stretch in segmenter.push(token)]  # fmt: skip
    answer = [speaker.speak(stretch) for stretch in (*stretches, *segmenter.finish())]
    assert spoken_texts(text, ENGLISH) == [spoken.text for spoken in answer if spoken.words]


@given(st.lists(st.sampled_from(["word", "another", "it.", "so,", "yes!", "🙂", "\n"])))
def test_no_word_is_lost_and_no_text_is_too_long(words: list[str]) -> None:
    text = " ".join(words)
    if not any(c.isalnum() for c in text):
        return
    spoken = spoken_texts(text, ENGLISH)
    assert all(0 < len(each) <= MAX_TEXT_CHARACTERS for each in spoken)
    assert " ".join(spoken).split() == [word for word in text.split() if word != "🙂"]


def test_a_word_longer_than_a_text_may_be_is_cut() -> None:
    assert max(map(len, spoken_texts("x" * 4500, ENGLISH))) <= MAX_TEXT_CHARACTERS


def test_what_is_said_follows_the_language_of_the_agent() -> None:
    assert spoken_texts("Um 15:30 Uhr", get_or_english("de")) == ["Um fünfzehn Uhr dreißig"]
