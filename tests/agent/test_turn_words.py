"""What the words of a turn say of its end."""

from dataclasses import replace

import pytest

from agent.turns.turn_words import TurnWordsHeard
from dialogue.text.languages.english import LANGUAGE as ENGLISH
from dialogue.text.languages.german import LANGUAGE as GERMAN
from dialogue.text.languages.language import Language

NOTHING = TurnWordsHeard()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("What time is it?", TurnWordsHeard(is_question=True)),
        ("I like that.", TurnWordsHeard(is_sentence=True)),
        ("I would like to book a table for", TurnWordsHeard(is_open=True)),
        ("It was late and.", TurnWordsHeard(is_sentence=True, is_open=True)),
        ("I was, um...", TurnWordsHeard(is_open=True, is_listing=True)),
        ("Two coffees,", TurnWordsHeard(is_listing=True)),
        ("My number is five five five", TurnWordsHeard(has_number_begun=True)),
        ("The code is 55-21", TurnWordsHeard(has_number_begun=True)),
        ("My phone number is 555 213 89.", TurnWordsHeard(is_sentence=True)),
        ("I get up at six thirty.", TurnWordsHeard(is_sentence=True)),
        ("No.", TurnWordsHeard(is_sentence=True, is_answer=True)),
        ("Yes, please.", TurnWordsHeard(is_sentence=True, is_answer=True)),
        ("", NOTHING),
        ("♪♪", NOTHING),
    ],
)
def test_english(text: str, told: TurnWordsHeard) -> None:
    assert replace(TurnWordsHeard.of(text, ENGLISH.turns), ending=0.0) == told


def test_what_turns_hardly_end_in_is_told_from_what_they_often_end_in() -> None:
    endings = [
        TurnWordsHeard.of(text, ENGLISH.turns).ending
        for text in ("I think we", "Remind me to call my mother", "Could you say that again")
    ]
    assert endings == sorted(endings) and endings[0] < 0 < endings[-1]


def test_where_nobody_has_counted_an_open_word_still_is_no_ending() -> None:
    assert TurnWordsHeard.of("Es war spät und", GERMAN.turns).ending < 0
    assert TurnWordsHeard.of("Es war spät", GERMAN.turns).ending == 0


@pytest.mark.parametrize("word", ["Berlin.", "Tomorrow evening.", "Blue."])
def test_a_word_or_two_answer_what_was_asked(word: str) -> None:
    assert TurnWordsHeard.of(word, ENGLISH.turns, asked=True).is_answer
    assert not TurnWordsHeard.of(word, ENGLISH.turns).is_answer


def test_looking_for_an_answer_is_none() -> None:
    assert not TurnWordsHeard.of("Um", ENGLISH.turns, asked=True).is_answer


@pytest.mark.parametrize("text", ["Ich möchte einen Tisch für", "Es war spät und", "Das ist, äh"])
def test_german_sentences_that_are_open(text: str) -> None:
    assert TurnWordsHeard.of(text, GERMAN.turns).is_open


@pytest.mark.parametrize("language", [ENGLISH, GERMAN])
def test_no_answer_is_a_word_that_is_looked_for(language: Language) -> None:
    assert not language.turns.answers & language.turns.hesitations
    assert not language.turns.open & language.turns.hesitations
