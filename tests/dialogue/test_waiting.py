"""Fillers, on a clock that is turned."""

import itertools
from dataclasses import dataclass

import pytest

from dialogue.text.languages.english import PHRASES as ENGLISH
from dialogue.waiting import Waiting


@dataclass
class TurnedClock:
    now_s: float = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def waiting(clock: TurnedClock) -> Waiting:
    """The person stopped at 100 s."""
    return Waiting(ENGLISH, clock, 100.0, chars_per_s=15.0)


def spoken_to_the_end(waiting: Waiting, clock: TurnedClock, texts: int) -> list[tuple[float, str]]:
    """The next fillers, each with the silence before it, in seconds."""
    found, silent_since_s = [], clock.now_s
    for _ in range(texts):
        due_s = waiting.due_s
        assert due_s is not None
        clock.now_s = due_s
        text = waiting.filler()
        found.append((round(due_s - silent_since_s, 3), text))
        silent_since_s = due_s + len(text) / 15.0
    return found


def test_a_tool_is_bridged_counted_from_the_end_of_speech(
    waiting: Waiting, clock: TurnedClock
) -> None:
    clock.now_s = 100.5
    waiting.tools_begin("Let me look that up.")
    assert waiting.due_s == pytest.approx(100.8)


def test_a_tool_is_bridged_after_what_has_been_said(waiting: Waiting, clock: TurnedClock) -> None:
    clock.now_s = 100.4
    waiting.said("x" * 30)  # two seconds
    waiting.tools_begin(None)
    assert waiting.due_s == pytest.approx(100.4 + 2.0 + 0.8)


def test_a_long_tool_is_bridged_again_in_other_words(waiting: Waiting, clock: TurnedClock) -> None:
    waiting.tools_begin("Let me look that up.")
    found = spoken_to_the_end(waiting, clock, 7)
    assert [silent_s for silent_s, _ in found] == [0.8, 6.0, 10.0, 15.0, 15.0, 15.0, 15.0]
    texts = [text for _, text in found]
    assert texts[0] == "Let me look that up."
    assert all(one != other for one, other in itertools.pairwise(texts))


def test_without_words_of_its_own_a_tool_has_those_of_the_language(
    waiting: Waiting, clock: TurnedClock
) -> None:
    waiting.tools_begin(None)
    texts = [text for _, text in spoken_to_the_end(waiting, clock, 4)]
    assert texts == list(ENGLISH.slow_tool)


def test_a_slow_model_is_bridged_in_steps_and_then_no_more(
    waiting: Waiting, clock: TurnedClock
) -> None:
    waiting.model_begins()
    assert spoken_to_the_end(waiting, clock, 3) == list(ENGLISH.slow_model)
    assert waiting.due_s is None


def test_nothing_is_due_while_the_answer_comes(waiting: Waiting) -> None:
    assert waiting.due_s is None
    waiting.model_begins()
    waiting.ends()
    assert waiting.due_s is None
