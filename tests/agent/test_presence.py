""" "Hello?" in the wait for an answer does not start the answer over; a new question does."""

import pytest

from agent.turns.floor import Decision, Floor
from agent.turns.presence import asks_presence
from dialogue.text.languages.english import LANGUAGE as ENGLISH
from dialogue.text.languages.german import LANGUAGE as GERMAN
from tests.agent.test_floor import POLICY, Person


@pytest.mark.parametrize(
    "text",
    ["Hello?", "Hello? Hello?", "Are you there?", "Hello, can you hear me?",
     "Hey, you still there?",
     "Um, hello, is anybody there?", "Sorry, are you still there?", "Hi. Did we get cut off?"],
)  # fmt: skip
def test_who_only_asks_whether_anybody_is_there_asks_nothing_new(text: str) -> None:
    assert asks_presence(text, ENGLISH)


@pytest.mark.parametrize(
    "text",
    ["", "...", "Hello, when do you close?", "Are you there on Monday?", "Okay.", "Stop.",
     "Never mind.", "Can you hear me out?", "Hey, stop.", "Sorry.", "Are you there yet?"],
)  # fmt: skip
def test_what_asks_for_more_is_told_from_it(text: str) -> None:
    assert not asks_presence(text, ENGLISH)


@pytest.mark.parametrize("text", ["Hallo?", "Sind Sie noch da?", "Äh, hallo, hörst du mich?"])
def test_in_german_too(text: str) -> None:
    assert asks_presence(text, GERMAN)
    assert not asks_presence("Hallo, wann schließen Sie?", GERMAN)


def waiting(*, filler: bool = False) -> Person:
    """Has asked something and waits; a filler may sound."""
    person = Person()
    person.sounds(1.0)
    person.is_silent(0.5)
    person.turns.agent_thinks()
    if filler:
        person.turns.agent_speaks(at_s=person.now_s)
    person.awaited = True
    return person


@pytest.mark.parametrize("filler", [False, True])
def test_who_asks_into_the_wait_is_heard_and_the_answer_goes_on(*, filler: bool) -> None:
    person = waiting(filler=filler)
    person.sounds(1.6)  # longer than what takes the floor elsewhere
    person.is_understood("Hello")
    person.is_silent(0.4)
    person.is_understood("Hello, can you hear me?")
    assert Decision.YIELD not in person.made
    assert person.made[-1] is Decision.RETURN
    assert person.turns.floor is (Floor.SPEAKING if filler else Floor.THINKING)
    assert person.turns.asks_presence("Hello, can you hear me?")
    assert not person.turns.takes_turn("Hello, can you hear me?")


@pytest.mark.parametrize("text", ["When do you close?", "Hello, when do you close?", "Stop.",
                                  "Never mind."])  # fmt: skip
def test_a_new_question_or_a_stop_takes_the_floor(text: str) -> None:
    person = waiting()
    person.sounds(0.6)
    person.is_understood(text)
    assert person.made[-1] is Decision.YIELD
    assert not person.turns.asks_presence(text)


def test_a_question_that_begins_with_hello_takes_the_floor_once_it_is_understood() -> None:
    person = waiting()
    person.sounds(0.5)
    person.is_silent(0.4)
    person.is_understood("Hello?")
    assert person.made[-1] is Decision.RETURN
    person.sounds(0.8)
    person.is_understood("Hello? When do you close?")
    assert person.made[-1] is Decision.YIELD


def test_words_that_come_when_the_answer_has_begun_are_still_those_of_the_wait() -> None:
    person = waiting()
    person.sounds(0.4)
    person.is_silent(1.5)  # recognition is late
    person.turns.agent_speaks(at_s=person.now_s)
    person.awaited = False
    person.is_understood("Hello?")
    assert Decision.YIELD not in person.made


def test_over_the_answer_itself_hello_takes_the_floor() -> None:
    person = waiting(filler=True)
    person.awaited = False
    person.sounds(0.4)
    person.is_understood("Hello?")
    assert person.made[-1] is Decision.YIELD


def test_long_speech_into_the_wait_yields_without_recognition() -> None:
    person = waiting()
    person.sounds(POLICY.awaiting_yield_after_s + 0.2)
    assert person.made[-1] is Decision.YIELD


@pytest.mark.parametrize("begun", [
    "Are you", "Hello, can", "Hello? Are you still", "Can you", "Are you still that",
    "Hello? Is any", "Can you here",
])  # fmt: skip
def test_words_that_may_yet_ask_whether_anybody_is_there_decide_nothing(begun: str) -> None:
    person = waiting()
    person.sounds(0.6)
    person.is_understood(begun)
    assert person.turns.floor is Floor.HELD
    person.sounds(0.3)
    person.is_understood("Can you tell me when you close?")
    assert person.made[-1] is Decision.YIELD


def test_words_that_stayed_undecided_are_judged_when_the_speech_has_ended() -> None:
    person = waiting()
    person.sounds(0.6)
    person.is_understood("Can you")
    person.is_silent(0.4)
    assert person.turns.floor is Floor.HELD
    person.is_understood("Can you?")
    assert person.made[-1] is Decision.YIELD


def test_long_speech_into_the_wait_is_waited_for_until_it_is_understood() -> None:
    person = waiting()
    person.sounds(2.0)
    person.is_silent(3.0)  # recognition is slow
    assert person.turns.floor is Floor.HELD
    person.is_understood("And tell me when you close.")
    assert person.made[-1] is Decision.YIELD


def test_a_pause_in_it_makes_long_speech_into_the_wait_no_shorter() -> None:
    person = waiting()
    person.sounds(1.6)
    person.is_silent(0.3)
    person.sounds(0.4)
    person.is_silent(3.0)
    assert person.turns.floor is Floor.HELD
    person.is_understood("And tell me when you close, please.")
    assert person.made[-1] is Decision.YIELD


def test_long_speech_into_the_wait_that_is_never_understood_takes_the_floor() -> None:
    person = waiting()
    person.sounds(2.0)
    person.is_silent(POLICY.late_verdict_s + 0.1)
    assert person.made[-1] is Decision.YIELD
