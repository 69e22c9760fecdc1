"""What `./run test` says at its end of tests that failed, and which get a second try: real runs of
pytest over a few small files."""

from pathlib import Path

import pytest

from parley import paths
from testkit.phases import Phase, run_phases

PASSES = "def test_good(): pass\n"
ALWAYS = 'def test_{0}(): assert "{0}" == "right"\n'
ONCE = """
from pathlib import Path

def test_{0}():
    tried = Path(__file__).with_suffix(".{0}")
    first = not tried.exists()
    tried.touch()
    assert not first, "the machine stood still"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the files of the phases are."""
    monkeypatch.setenv("PYTHONPATH", str(paths.repository()))  # of the plugin
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # each takes its time to import
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:cacheprovider -p xdist")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


def run(folder: Path, capfd: pytest.CaptureFixture[str], **phases: str) -> tuple[int, list[str]]:
    """The exit status and what is printed, line by line, where a phase is a file of tests each."""
    made = []
    for name, tests in phases.items():
        (folder / f"test_{name}.py").write_text(tests)
        side_by_side = ["-n", "2"] if name == "fast" else []
        made.append(Phase(name, [f"test_{name}.py", "-q", *side_by_side]))
    status = run_phases(made, folder)
    return status, capfd.readouterr().out.splitlines()


def test_what_passes_at_a_second_try_is_told_and_is_no_failure(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    fast = PASSES + ONCE.format("one") + ONCE.format("two")
    status, lines = run(folder, capfd, fast=fast, slow=ONCE.format("one"))
    assert status == 0
    unstable = "parley: UNSTABLE, passed at a second try only"
    assert sorted(lines[-3:]) == [
        f"{unstable}, fast: test_fast.py::test_one",
        f"{unstable}, fast: test_fast.py::test_two",
        f"{unstable}, slow: test_slow.py::test_one",
    ]
    assert lines[-1].endswith("test_slow.py::test_one")
    reasons = lines[lines.index("── test_slow.py::test_one, slow:") :]
    assert any("AssertionError: the machine stood still" in line for line in reasons)


def test_what_fails_twice_fails_and_the_phases_after_it_are_run_and_told(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    fast = ALWAYS.format("wrong") + ONCE.format("one")
    status, lines = run(folder, capfd, fast=fast, slow=ONCE.format("one"))
    assert status == 1
    assert sorted(lines[-3:]) == [
        "parley: FAILED twice, fast: test_fast.py::test_wrong",
        "parley: UNSTABLE, passed at a second try only, fast: test_fast.py::test_one",
        "parley: UNSTABLE, passed at a second try only, slow: test_slow.py::test_one",
    ]
    for reason in ("test_fast.py::test_wrong, fast:", "test_fast.py::test_wrong, second try:"):
        at = lines.index(f"── {reason}")
        assert any("'wrong' == 'right'" in line for line in lines[at : at + 12])


def test_more_than_three_of_a_phase_are_no_accident(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    four = "".join(ONCE.format(name) for name in ("a", "b", "c", "d"))
    status, lines = run(folder, capfd, slow=four, other=ONCE.format("e"))
    assert status == 1
    assert lines[-6:] == [
        *(f"parley: FAILED, slow: test_slow.py::test_{name}" for name in ("a", "b", "c", "d")),
        "parley: pytest ended with status 1, slow",
        "parley: UNSTABLE, passed at a second try only, other: test_other.py::test_e",
    ]


def test_a_file_that_cannot_be_read_has_no_second_try(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    status, lines = run(folder, capfd, slow="import no_such_module\n", other=PASSES)
    assert status == 2
    assert lines[-2:] == [
        "parley: FAILED, slow: test_slow.py",
        "parley: pytest ended with status 2, slow",
    ]
    assert any("No module named 'no_such_module'" in line for line in lines[-14:])


def test_a_run_that_breaks_off_is_told(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    dies = "import os\ndef test_dies(): os._exit(9)\n"
    status, lines = run(folder, capfd, slow=dies, other=PASSES)
    assert status == 9
    assert lines[-1] == "parley: pytest ended with status 9, slow"


def test_where_all_pass_nothing_more_is_said(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    status, lines = run(folder, capfd, fast=PASSES, slow=PASSES)
    assert status == 0
    assert "1 passed" in lines[-1]
