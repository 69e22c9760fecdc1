"""What counts as a right answer, and that no question was given away."""

import re
from pathlib import Path

import pytest

from bench.mind import tables, write
from bench.mind_trial import (
    REFUSAL,
    MindAnswer,
    MindQuestion,
    MindResult,
    MindSpeed,
    judged,
    questions,
    tool_questions,
)
from dialogue.text.languages.english import LANGUAGE
from parley.app.events import ToolStarted


def plain(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9']+", text.lower()))


def test_none_of_the_questions_is_an_example() -> None:
    asked = {plain(turn) for question in questions() for turn in question.turns}
    shown = {plain(example.person) for example in LANGUAGE.examples}
    assert len(questions()) == 40
    assert len(tool_questions()) == 10
    assert shown
    assert not asked & shown


@pytest.mark.parametrize(
    ("text", "is_right"),
    [("It's Canberra.", True), ("Sydney, of course.", False), ("I’m not sure.", False)],
)
def test_an_answer_needs_a_word_that_is_accepted(text: str, is_right: bool) -> None:
    assert judged(MindQuestion("fact", ("?",), "canberra"), text, []) is is_right


def test_an_answer_with_a_word_that_is_refused_is_wrong() -> None:
    question = MindQuestion("itself", ("?",), "parley", refused="openai")
    assert not judged(question, "I'm Parley, made by OpenAI.", [])


@pytest.mark.parametrize(
    ("calls", "is_right"),
    [
        ([("weather", {"city": "Hamburg"})], True),
        ([("weather", {"city": "Berlin"})], False),
        ([("order_status", {"city": "Hamburg"})], False),
        ([("weather", {"city": "Hamburg"}), ("weather", {"city": "Hamburg"})], False),
        ([], False),
    ],
)
def test_a_tool_question_needs_that_tool_and_argument_alone(
    calls: list[tuple[str, dict[str, str]]], is_right: bool
) -> None:
    question = MindQuestion("tool", ("?",), "hamburg", tool="weather", argument="city")
    started = [ToolStarted(str(n), name, arguments) for n, (name, arguments) in enumerate(calls)]
    assert judged(question, "It is dry.", started) is is_right


def test_a_tool_where_none_was_needed_is_wrong() -> None:
    question = MindQuestion("tool", ("?",), "rome")
    assert judged(question, "Rome.", [])
    assert not judged(question, "Rome.", [ToolStarted("1", "weather", {"city": "Rome"})])


def test_a_refusal_is_told_from_regret() -> None:
    assert REFUSAL.search("i'm sorry, but i can't assist with that.")
    assert not REFUSAL.search("i'm sorry to hear that. what happened?")


def test_the_tables_replace_those_of_the_last_run_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "mind.md"
    mark = "<!-- written by ./run bench mind --write -->\n"
    page.write_text(f"before\n{mark}old\n{mark}after\n")
    answer = MindAnswer("fact", "what is it", "It is.", "", True, 120.0, 80.0)
    result = MindResult("small", [answer], 1, 8, MindSpeed(40.0, 25.0, 700.0))
    write(page, tables([result, result]))
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "| **all questions, right** | **1 of 1** | **1 of 1** |" in text
    assert "old" not in text
