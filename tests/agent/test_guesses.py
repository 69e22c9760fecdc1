"""How much may be guessed, by what was measured of those that answer."""

from collections.abc import Sequence
from typing import cast

import pytest

from agent.turns.guesses import WORDS_STAY, GuessRoom
from dialogue.model_pace import AnswerTiming, ModelPace
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


def test_a_long_question_is_no_load_where_the_model_writes_as_quickly_as_ever() -> None:
    pace = ModelPace()
    for began_s in (0.1, 0.4, 0.5, 0.4):  # more was left to read of the later ones
        pace.began(began_s)
        pace.wrote(0.03)
    assert pace.slowness == 0


def test_a_model_that_writes_more_slowly_too_is_busy() -> None:
    pace = ModelPace()
    for began_s, piece_s in ((0.1, 0.03), (0.4, 0.06), (0.5, 0.06), (0.4, 0.06)):
        pace.began(began_s)
        pace.wrote(piece_s)
    assert pace.slowness == pytest.approx(0.5)


class TurnedClock:
    def __init__(self) -> None:
        self.now_s = 10.0

    def __call__(self) -> float:
        return self.now_s


def answered(pace: ModelPace, *, began_s: float, piece_s: float, pieces: int) -> None:
    clock = TurnedClock()
    timing = AnswerTiming(pace, clock)
    for piece in range(pieces):
        clock.now_s += piece_s if piece else began_s
        timing.piece()


def test_an_answer_is_timed_by_its_first_pieces() -> None:
    pace = ModelPace()
    answered(pace, began_s=0.1, piece_s=0.01, pieces=20)
    for _ in range(3):
        answered(pace, began_s=0.2, piece_s=0.04, pieces=20)
    assert pace.slowness == pytest.approx(0.5), "the better of a half and three fourths"


def test_a_short_answer_tells_only_how_soon_it_began() -> None:
    pace = ModelPace()
    for began_s in (0.1, 0.2, 0.2):
        answered(pace, began_s=began_s, piece_s=0.01, pieces=3)
    assert pace.slowness == pytest.approx(0.5)
