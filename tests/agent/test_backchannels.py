"""A murmur is told from words that want the floor."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.turns.backchannels import Meaning, meaning
from dialogue.text.languages.german import LANGUAGE as GERMAN


@pytest.mark.parametrize(
    "text",
    ["Mm-hmm.", "Mhm", "Uh-huh.", "Right.", "Okay.", "OK, OK.", "Yeah, yeah.", "I see.",
     "Oh, really?", "Got it.", "That's right.", "Hmm...", "Sure, of course.", "Makes sense."],
)  # fmt: skip
def test_a_back_channel_leaves_the_floor_to_the_agent(text: str) -> None:
    assert meaning(text) is Meaning.BACKCHANNEL


@pytest.mark.parametrize(
    "text",
    ["That's really neat.", "Oh, how nice.", "Wow, that sounds wonderful.", "Well, that's good.",
     "Oh my goodness.", "No kidding.", "Oh, did you?", "Gosh.", "I can imagine.", "Good for you."],
)  # fmt: skip
def test_what_a_listener_thinks_of_it_leaves_the_floor_to_the_agent(text: str) -> None:
    assert meaning(text) is Meaning.BACKCHANNEL


@pytest.mark.parametrize(
    "text",
    ["That's wrong.", "That's enough.", "How nice is it?", "That's great, but stop.", "My order.",
     "Oh, did you send it?", "Is it?", "That's really not true.", "How far?", "It's great there."],
)  # fmt: skip
def test_who_says_more_than_what_they_think_of_it_wants_the_floor(text: str) -> None:
    assert meaning(text) is Meaning.TURN


@pytest.mark.parametrize("text", ["That sounds good.", "Great.", "Wonderful.", "Oh, that's nice."])
def test_after_a_question_it_is_an_answer(text: str) -> None:
    assert meaning(text, answers_question=True) is Meaning.TURN


@pytest.mark.parametrize("text", ["Das klingt wirklich gut.", "Wie schön!", "Oh, das ist schade."])
def test_a_german_listener_thinks_so_too(text: str) -> None:
    assert meaning(text, language=GERMAN) is Meaning.BACKCHANNEL
    assert meaning("Das ist falsch.", language=GERMAN) is Meaning.TURN


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


@pytest.mark.parametrize("text", ["Bye.", "So", "Thank you."])
def test_the_same_words_were_said_where_much_was_voiced(text: str) -> None:
    assert meaning(text, confidence=0.4, voiced_s=0.3) is Meaning.NOTHING
    assert meaning(text, confidence=0.9, voiced_s=1.0) is Meaning.TURN


@pytest.mark.parametrize("text", ["Yes.", "Yeah.", "Okay, please.", "Right."])
def test_an_answer_to_a_question_is_a_turn(text: str) -> None:
    assert meaning(text, answers_question=True) is Meaning.TURN


@pytest.mark.parametrize("text", ["Mm-hmm.", "Hmm.", ""])
def test_a_hum_is_no_answer(text: str) -> None:
    assert meaning(text, answers_question=True) is not Meaning.TURN


@pytest.mark.parametrize("text", ["Emama.", "Emma Ma.", "My mom", "Amen, yeah", "M. H. M."])
def test_a_hum_that_is_spelled_as_words_is_told_by_its_sound(text: str) -> None:
    assert meaning(text, confidence=0.5, voiced_s=0.5, hum=0.7) is Meaning.BACKCHANNEL
    asked = meaning(text, confidence=0.5, voiced_s=0.5, hum=0.7, answers_question=True)
    assert asked is Meaning.TURN


@pytest.mark.parametrize("text", ["And a garland.", "Tum.", "Emma Chen"])
def test_while_nothing_of_the_agent_sounds_only_known_words_are_murmurs(text: str) -> None:
    unclear = {"confidence": 0.2, "voiced_s": 0.3, "hum": 0.9}
    assert meaning(text, **unclear) is Meaning.BACKCHANNEL
    assert meaning(text, **unclear, over_silence=True) is Meaning.TURN
    assert meaning("Mm-hm.", over_silence=True) is Meaning.BACKCHANNEL


@pytest.mark.parametrize("text", ["No", "Stop.", "Hold the", "What is", "Why not"])
def test_words_that_ask_for_the_floor_need_little_confidence(text: str) -> None:
    assert meaning(text, confidence=0.28, voiced_s=0.2) is Meaning.TURN


def test_a_single_unclear_word_is_a_murmur() -> None:
    assert meaning("Tum.", confidence=0.28, voiced_s=0.3) is Meaning.BACKCHANNEL


def test_what_lasts_longer_than_the_unclear_murmur_it_is_written_as_is_more_than_one() -> None:
    assert meaning("Right.", confidence=0.28, voiced_s=0.3) is Meaning.BACKCHANNEL
    assert meaning("Right.", confidence=0.28, voiced_s=0.42) is Meaning.TURN


@pytest.mark.parametrize("text", ["Yeah.", "Mm-hmm.", "Ooh", "Yeah, yeah"])
def test_what_can_be_drawn_out_is_a_murmur_however_long_and_unclear(text: str) -> None:
    assert meaning(text, confidence=0.15, voiced_s=1.5) is Meaning.BACKCHANNEL


@pytest.mark.parametrize("text", ["3.", "Où ça ?", "Подожди", "等一下"])
def test_numbers_and_other_scripts_are_words(text: str) -> None:
    assert meaning(text, confidence=0.95, voiced_s=0.3) is Meaning.TURN


@pytest.mark.parametrize("text", ["Make sense.", "Good points", "That's gray", "Are okay?"])
def test_what_is_nearly_a_murmur_is_one_where_recognition_is_not_sure(text: str) -> None:
    assert meaning(text, confidence=0.6, voiced_s=0.5) is Meaning.BACKCHANNEL


@pytest.mark.parametrize("text", ["That's wrong.", "That's not right.", "Makes no sense."])
def test_who_denies_wants_the_floor_though_it_is_spelled_like_a_murmur(text: str) -> None:
    assert meaning(text, confidence=0.7, voiced_s=0.5) is Meaning.TURN


@given(st.text(), st.booleans())
def test_any_text_has_a_meaning(text: str, asked: bool) -> None:
    assert meaning(text, answers_question=asked) in Meaning
