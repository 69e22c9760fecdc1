"""How much may be guessed, by what was measured of those that answer."""

from collections.abc import Sequence
from typing import cast

import pytest

from agent.turns.guesses import WORDS_STAY, GuessRoom
from dialogue.model_pace import ModelPace
from parley.speech.balancing.picker import Candidate
from parley.speech.balancing.scoreboard import Scoreboard


class Workers:
    def __init__(self, *known: Candidate) -> None:
        self.known = known

    def candidates(self) -> Sequence[Candidate]:
        return self.known


def room(*workers: Workers, took_s: Sequence[float] = ()) -> GuessRoom:
    pace = ModelPace()
    for each in took_s:
        pace.began(each)
    return GuessRoom(pace, [cast(Scoreboard, each) for each in workers])


def worker(streams: int, *, reachable: bool = True) -> Candidate:
    return Candidate(target="w", slots=8, reported_load=streams, reachable=reachable)


def test_with_nothing_to_do_every_guess_is_worth_it() -> None:
    assert room(Workers(worker(0)), took_s=[0.2, 0.2]).worth(0.01)


def test_the_least_busy_worker_of_the_busiest_kind_counts() -> None:
    speaking, hearing = Workers(worker(8), worker(2)), Workers(worker(4), worker(6))
    assert room(speaking, hearing).busy == 0.5


def test_where_no_worker_can_be_asked_nothing_is_guessed() -> None:
    assert not room(Workers(worker(0, reachable=False))).worth(0.99)


def test_four_callers_on_a_small_machine_leave_room_for_what_is_nearly_sure_only() -> None:
    four = room(Workers(worker(4)), Workers(worker(4)), took_s=[0.2, 0.5, 0.6, 0.7])
    assert not four.worth(WORDS_STAY)
    assert not four.worth(0.6)
    assert four.worth(0.9)


def test_a_model_that_takes_twice_as_long_as_at_its_best_is_half_busy() -> None:
    assert room(took_s=[0.2, 0.4, 0.4, 0.4]).busy == pytest.approx(0.5)


def test_one_slow_answer_is_no_load_and_one_that_recovers_has_room_again() -> None:
    assert room(took_s=[0.2, 0.2, 2.0]).busy == 0
    assert room(took_s=[0.2, 2.0, 2.0, 2.0, 0.2, 0.2]).busy == 0


def test_a_request_that_was_withdrawn_tells_something_only_where_it_was_long_in_coming() -> None:
    pace = ModelPace()
    pace.given_up(5.0)
    assert pace.slowness == 0, "nothing is known to compare it with"
    pace.began(0.2)
    pace.given_up(0.1)
    assert pace.slowness == 0
    for _ in range(2):
        pace.given_up(1.0)
    assert pace.slowness == pytest.approx(0.8)


def test_what_there_was_to_read_says_nothing_of_the_model() -> None:
    pace = ModelPace()
    for took_s, unread in ((0.1, 3), (0.12, 10), (0.3, 120), (0.65, 330), (0.4, 180)):
        pace.began(took_s, unread=unread)
    assert pace.slowness < 0.3
    pace = ModelPace()
    for took_s in (0.1, 0.12, 0.3, 0.65, 0.4):
        pace.began(took_s)
    assert pace.slowness > 0.5, "the same, of a model that had nothing to read"


def test_a_prompt_that_was_read_whole_is_no_measure() -> None:
    pace = ModelPace()
    pace.began(0.01, unread=0)
    for _ in range(3):
        pace.began(0.2, unread=5)
    assert pace.slowness == 0


def test_what_is_left_to_read_of_a_prompt_is_what_differs() -> None:
    pace = ModelPace()
    assert pace.unread(["Be brief.", "Who wrote"]) == len("Be brief.\nWho wrote")
    pace.has_read(["Be brief.", "Who wrote"])
    assert pace.unread(["Be brief.", "Who wrote"]) == 0
    assert pace.unread(["Be brief.", "Who wrote it?"]) == len(" it?")
    assert pace.unread(["Be brief.", "Where is it?"]) == len("ere is it?")
