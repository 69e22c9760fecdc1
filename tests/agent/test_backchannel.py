"""A murmur is told from words that want the floor."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.backchannel import Meaning, meaning


@pytest.mark.parametrize(
    "text",
    ["Mm-hmm.", "Mhm", "Uh-huh.", "Right.", "Okay.", "OK, OK.", "Yeah, yeah.", "I see.",
     "Oh, really?", "Got it.", "That's right.", "Hmm...", "Sure, of course.", "Makes sense."],
)  # fmt: skip
def test_a_back_channel_leaves_the_floor_to_the_agent(text: str) -> None:
    assert meaning(text) is Meaning.BACKCHANNEL


@pytest.mark.parametrize(
    "text",
    ["Stop.", "Wait.", "No.", "Yeah, but what about Monday?", "Okay, stop.", "Right here?",
     "Hold on", "What?", "I see a problem with that.", "Can you repeat that?",
     "Sure, and what does it cost?"],
)  # fmt: skip
def test_words_that_want_the_floor_get_it(text: str) -> None:
    assert meaning(text) is Meaning.TURN


@pytest.mark.parametrize(
    "text", ["", "  ", "[BLANK_AUDIO]", "(coughs)", "♪ ♪", "Thank you.", "you"]
)
def test_what_recognition_makes_of_a_noise_is_nothing(text: str) -> None:
    assert meaning(text) is Meaning.NOTHING


@pytest.mark.parametrize("text", ["Yes.", "Yeah.", "Okay, please.", "Right."])
def test_an_answer_to_a_question_is_a_turn(text: str) -> None:
    assert meaning(text, answers_question=True) is Meaning.TURN


@pytest.mark.parametrize("text", ["Mm-hmm.", "Hmm.", ""])
def test_a_hum_is_no_answer(text: str) -> None:
    assert meaning(text, answers_question=True) is not Meaning.TURN


@given(st.text(), st.booleans())
def test_any_text_has_a_meaning(text: str, asked: bool) -> None:
    assert meaning(text, answers_question=asked) in Meaning
