"""The table of right values is sound, and the half that rules may be written from is said right.

What the other half scores is a figure of `./run bench text`, never a test: a test would have to be
made pass.
"""

from collections import Counter

import pytest

from dialogue.text.reading import read_out
from testkit.spoken_table import TableLine, comparable, table

LINES = table()


def test_the_table_is_large_enough_and_both_halves_hold_every_kind() -> None:
    assert len(LINES) >= 400
    kinds = Counter(line.kind for line in LINES)
    assert len(kinds) >= 40
    assert {line.kind for line in LINES if line.reported} == set(kinds)
    assert {line.kind for line in LINES if not line.reported} == set(kinds)
    assert len({(line.kind, line.written) for line in LINES}) == len(LINES)


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{line.kind}: {line.written[:30]}")
def test_every_value_is_in_words(line: TableLine) -> None:
    assert line.right
    for value in line.right:
        assert not any(character.isdigit() or character in "{}|#" for character in value)


@pytest.mark.parametrize(
    "line",
    [line for line in LINES if not line.reported],
    ids=lambda line: f"{line.kind}: {line.written[:30]}",
)
def test_is_said_as_a_person_says_it(line: TableLine) -> None:
    said = " ".join(spoken.text for spoken in read_out(line.written))
    assert line.accepts(said), f"{said!r}, not {line.spoken!r}"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("3:30 P.M.", "3:30 pm"),
        ("nine oh five", "nine zero five"),
        ("one hundred and two", "one hundred two"),
        ("H2O and B2B", "H two O and B two B"),
        ("the EU's GDPR", "the E U's G D P R"),
        ("R&D", "R and D"),
        ("It's, well… fine!", "its well fine"),
    ],
)
def test_what_a_voice_reads_alike_is_alike(one: str, other: str) -> None:
    assert comparable(one) == comparable(other)


@pytest.mark.parametrize(
    ("one", "other"), [("cup and saucer", "cup saucer"), ("12 eggs", "twelve eggs"), ("a b", "a c")]
)
def test_what_sounds_otherwise_is_not_alike(one: str, other: str) -> None:
    assert comparable(one) != comparable(other)


def test_choices_stand_within_choices() -> None:
    line = TableLine("kind", "x", "say {it {twice|once}|nothing} | #90#")
    assert line.right == {"say it twice", "say it once", "say nothing", "nine zero"}
    assert TableLine("kind", "x", "-").accepts("…")
