"""`./run test`: which of its phases a test is run in, by its marks."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.test import compiling, phases

MARKS = ("servers", "e2e", "browser", "realtime", "cosyvoice")


def phases_of(marks: set[str]) -> list[str]:
    """Those that choose a test of these marks."""
    found = []
    for phase in phases():
        arguments = list(phase.arguments)
        chosen = arguments[arguments.index("-m") + 1]
        if eval(chosen, {}, {mark: mark in marks for mark in MARKS}):
            found.append(phase.name)
    return found


def test_every_test_is_run_in_one_phase_and_only_one() -> None:
    for count in range(len(MARKS) + 1):
        for marks in itertools.combinations(MARKS, count):
            assert len(phases_of(set(marks))) == 1, marks


@pytest.mark.parametrize("mark", ["e2e", "browser", "realtime"])
def test_beside_what_speaks_or_keeps_time_nothing_runs(mark: str) -> None:
    alone = {phase.name for phase in phases() if "-n" not in phase.arguments}
    assert set(phases_of({mark, "servers"})) == set(phases_of({mark})) <= alone


def test_modules_have_their_bytecode_where_python_may_not_keep_any(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "module.py").write_text("found = __cached__\n")
    with compiling([package]):
        pass
    ask = "import package.module as m, os; print(os.path.exists(m.found))"
    asked = subprocess.run(
        [sys.executable, "-c", ask],
        cwd=tmp_path,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert asked.stdout == "True\n"
