"""What is written becomes what is said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogue.text.spoken import TextSpeaker


def said(text: str) -> str:
    return TextSpeaker().speak(text).text


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        # numbers
        ("42", "forty-two"),
        ("1,234,567 people", "one million two hundred thirty-four thousand five hundred "
                             "sixty-seven people"),
        ("3.14", "three point one four"),
        ("-5 degrees", "minus five degrees"),
        ("Agent 007", "Agent zero zero seven"),
        ("1st, 22nd and 103rd", "first, twenty-second and one hundred third"),
        ("version 1.8.9", "version one point eight point nine"),
        ("1/2 or 3/4, 24/7", "one half or three quarters, twenty-four seven"),
        ("2½ cups", "two and a half cups"),
        ("pages 10-20", "pages ten to twenty"),
        ("3 + 4 = 7", "three plus four equals seven"),
        ("It won 3:2", "It won three to two"),
        ("I have 4.", "I have four."),
        ("mp3, B2B and H2O", "mp3, B2B and H2O"),
        ("COVID-19", "COVID nineteen"),
        # years
        ("in 1999", "in nineteen ninety-nine"),
        ("in 2005", "in two thousand five"),
        ("2020–2024", "twenty twenty to twenty twenty-four"),
        ("the 1990s and '80s", "the nineteen nineties and eighties"),
        # money
        ("$5", "five dollars"),
        ("$1", "one dollar"),
        ("$5.50", "five dollars and fifty cents"),
        ("$0.99", "ninety-nine cents"),
        ("-$5", "minus five dollars"),
        ("£1.2 million", "one point two million pounds"),
        ("5 €", "five euros"),
        ("¥300", "three hundred yen"),
        ("USD 20", "twenty dollars"),
        ("$3k", "three thousand dollars"),
        ("£0.01", "one penny"),
        # per cent and units
        ("3.5 %", "three point five percent"),
        ("5km/h", "five kilometers per hour"),
        ("1 kg and 10kg", "one kilogram and ten kilograms"),
        ("-5°C", "minus five degrees Celsius"),
        ("20 m²", "twenty square meters"),
        ("5 in the morning", "five in the morning"),
        # dates and times
        ("2024-03-05", "March fifth, twenty twenty-four"),
        ("3/5/2024", "March fifth, twenty twenty-four"),
        ("25/12/2024", "December twenty-fifth, twenty twenty-four"),
        ("March 5, 2024", "March fifth, twenty twenty-four"),
        ("the 5th of March", "the fifth of March"),
        ("5 March", "the fifth of March"),
        ("Jan. 3rd", "January third"),
        ("3:30 pm", "three thirty P.M."),
        ("15:00", "three P.M."),
        ("9:05", "nine oh five"),
        ("9:00", "nine o'clock"),
        ("3pm", "three P.M."),
        # addresses
        ("555-123-4567", "five five five, one two three, four five six seven"),
        ("+44 20 7946 0018", "plus four four, two zero, seven nine four six, zero zero one eight"),
        ("https://www.example.com/docs?x=1", "example dot com slash docs"),
        ("https://example.com/a/very/long/path/for/nobody/to/hear", "example dot com"),
        ("jane.doe@example.co.uk", "jane dot doe at example dot co dot uk"),
        # markup
        ("**Bold** and *it* and `code_here`", "Bold and it and code here"),
        ("[the docs](https://example.com/y)", "the docs"),
        ("# Title", "Title"),
        ("- an item", "an item"),
        ("1. First", "one, First"),
        ("> quoted", "quoted"),
        ("---", ""),
        ("<speak><break time='1s'/>Hello</speak>", "Hello"),
        ("salt &amp; pepper", "salt and pepper"),
        ("a < b", "a less than b"),
        ("```python\nprint(1)\n```", "the code is in the transcript."),
        # names and signs
        ("Dr. Smith vs. Mr. Jones", "Doctor Smith versus Mister Jones"),
        ("e.g. this, etc.", "for example this, et cetera."),
        ("AT&T", "AT&T"),
        ("bread & butter", "bread and butter"),
        ("yes — no – maybe", "yes, no, maybe"),
        ("he/she and/or", "he or she and or"),
        ("No. 7 and #5", "number seven and number five"),
        ("~5 apples", "about five apples"),
        ("C++ and C#", "C plus plus and C sharp"),
        # nothing to say
        ("😀👍🏽", ""),
        ("Hi 😀!", "Hi!"),
        ("...", ""),
        ("", ""),
        ("lone \ud83d surrogate", "lone surrogate"),
        # as it stands
        ("Don't re-enter the café, naïve friend.", "Don't re-enter the café, naïve friend."),
        # what an English voice cannot read
        ("今天天气很好。", "text in Chinese。"),
    ],
)  # fmt: skip
def test_is_said(written: str, spoken: str) -> None:
    assert said(written) == spoken


def test_code_is_not_read_out_even_when_it_comes_in_stretches() -> None:
    speaker = TextSpeaker()
    stretches = ["Here: ```py\n", "x = 1\n", "y = 2\n", "``` and ", "that is all."]
    spoken = " ".join(speaker.speak(stretch).text for stretch in stretches)
    assert spoken.split() == "Here: the code is in the transcript. and that is all.".split()


@pytest.mark.parametrize(
    "bomb",
    ["a", "<", "<a", "[", "[a](", "&", "&lol;", "1", "1,", "1.", "1/", "1-", "1:", "$", "-", "* ",
     "@", "a@", "www.", "http://", "+1 ", "\n# ", "```", "😀", "~", "--", "«", "\u200b"],
)  # fmt: skip
def test_a_stretch_of_anything_can_be_said(bomb: str) -> None:
    assert isinstance(said(bomb * 400), str)


# Words that are said as they are written: "vs" is not.
WORDS = st.lists(
    st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=9).filter(
        lambda word: said(word) == word
    ),
    max_size=30,
)


@given(st.text(max_size=300))
def test_any_text_can_be_said(text: str) -> None:
    spoken = TextSpeaker().speak(text)
    assert all(word.text and " " not in word.text for word in spoken.words)
    assert all(0 <= word.start < word.end <= len(text) for word in spoken.words)
    starts = [word.start for word in spoken.words]
    assert starts == sorted(starts)


@given(
    WORDS, st.lists(st.sampled_from([" ", ", ", ". ", "! ", " (", ") ", " **", "** ", "\n", "; "]))
)
def test_no_word_is_lost_and_their_order_stays(words: list[str], marks: list[str]) -> None:
    marks = marks + [" "] * len(words)
    text = "".join(word + mark for word, mark in zip(words, marks, strict=False))
    spoken = TextSpeaker().speak(text)
    assert [word.text.strip(".,!;") for word in spoken.words] == words
    assert [text[word.start : word.end].strip(".,!;()* \n") for word in spoken.words] == words


@given(st.integers(0, 10**12))
def test_every_number_becomes_words(number: int) -> None:
    for written in (str(number), f"{number:,}", f"${number:,}", f"{number}%"):
        assert not any(character.isdigit() for character in said(written))
