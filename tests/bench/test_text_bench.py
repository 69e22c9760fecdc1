"""What `./run bench text` makes of what was said; no library is installed for it."""

import sys
from pathlib import Path

import pytest

from bench.text import OURS, Score, promises_of, score
from bench.text_libraries import Absent, Library, LibraryRun, run
from testkit.spoken_table import TableLine

LINES = [
    TableLine("cardinal", f"{number} eggs", f"{words} eggs")
    for number, words in enumerate(("zero", "one", "two", "three", "four", "five", "six", "seven"))
]


def scored(name: str, right: int, *, ms: float = 1.0) -> Score:
    said = [line.spoken if at < right else "" for at, line in enumerate(LINES)]
    return score(name, LINES, LibraryRun(tuple(said), (ms / 1000,) * len(LINES)))


def test_both_halves_are_there_to_be_told_apart() -> None:
    assert 0 < sum(line.reported for line in LINES) < len(LINES)


def test_a_share_is_of_the_lines_that_are_asked_for() -> None:
    whole = scored(OURS, right=len(LINES))
    assert whole.share(LINES) == 1.0
    assert whole.share([]) is None
    half = [line for line in LINES if line.reported]
    assert scored(OURS, right=0).share(half) == 0.0


def test_only_the_reported_half_is_promised() -> None:
    tuning_wrong = [line.spoken if line.reported else "" for line in LINES]
    ours = score(OURS, LINES, LibraryRun(tuple(tuning_wrong), (0.001,) * len(LINES)))
    right = promises_of([ours], LINES)[0]
    assert right.measured == 1.0
    assert right.kept


def test_a_library_that_says_more_right_breaks_a_promise() -> None:
    promises = promises_of([scored(OURS, right=0), scored("other", right=8)], LINES)
    assert {promise.name: promise.kept for promise in promises} == {
        "right_share": False,
        "ms_per_sentence_mean": True,
        "right_share_over_best_library": False,
    }


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that was made before: this one."""
    monkeypatch.setenv("PARLEY_CACHE_DIR", str(tmp_path))
    made = tmp_path / "bench-text" / "there==1"
    (made / "bin").mkdir(parents=True)
    (made / "bin" / "python").symlink_to(sys.executable)
    (made / "made").touch()


@pytest.mark.usefixtures("environment")
def test_a_library_says_every_text_in_a_process_of_its_own() -> None:
    library = Library("there", "there==1", "MIT", "print('noise'); say = str.upper")
    ran = run(library, ["one", "zwölf\n12"])
    assert isinstance(ran, LibraryRun)
    assert ran.said == ("ONE", "ZWÖLF\n12")
    assert len(ran.took_s) == 2


@pytest.mark.usefixtures("environment")
def test_a_library_that_cannot_be_loaded_is_absent_with_why() -> None:
    ran = run(Library("there", "there==1", "MIT", "import not_there_at_all"), ["one"])
    assert ran == Absent("ModuleNotFoundError: No module named 'not_there_at_all'")


@pytest.mark.usefixtures("environment")
def test_a_text_that_a_library_fails_on_is_wrong_and_no_more() -> None:
    library = Library("there", "there==1", "MIT", "say = lambda text: text[5]")
    ran = run(library, ["a long one", "x"])
    assert isinstance(ran, LibraryRun)
    assert ran.said == ("g", "(IndexError)")
