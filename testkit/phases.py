"""All tests in phases, with a second try of a few; what failed is told in the last lines."""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from testkit.failure_record import OPTION, Failure, read_failures

FEW = 3
"""Failed tests of a phase that get a second try: more are no accident."""
_SHOWN = 12
"""Tests whose reasons are shown again at the end."""
_TESTS_FAILED = 1
"""pytest's exit status where tests failed, and nothing worse happened."""
_UNSTABLE = "UNSTABLE, passed at a second try only"


@dataclass(frozen=True)
class Phase:
    """Some of the tests: one run of pytest."""

    name: str
    arguments: Sequence[str]


@dataclass(frozen=True)
class _Outcome:
    phase: str
    status: int
    failures: Sequence[Failure]

    @property
    def may_be_an_accident(self) -> bool:
        return self.status == _TESTS_FAILED and 0 < len(self.failures) <= FEW


def run_phases(phases: Sequence[Phase], folder: Path) -> int:
    """The exit status of all phases, each run in `folder`, whatever became of those before it.

    Up to three failed tests of each get a second try at the end, one after the other, and it is
    told which passed then only: a machine that stood still for some seconds, or on which too much
    ran side by side, is no fault of the code. What fails twice is one, and so are more than three.
    """
    outcomes = []
    for phase in phases:
        print(f"── pytest, {phase.name}", flush=True)
        outcomes.append(_run(phase, folder))
    first = [failure for each in outcomes if each.may_be_an_accident for failure in each.failures]
    second = _second_try(first, folder) if first else None
    return _told(outcomes, second)


def _run(phase: Phase, folder: Path) -> _Outcome:
    with tempfile.TemporaryDirectory() as kept:
        file = Path(kept) / "failures.json"
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "testkit.failure_record",
            OPTION,
            str(file),
        ]
        done = subprocess.run([*command, *phase.arguments], cwd=folder, check=False)
        return _Outcome(phase.name, done.returncode, read_failures(file))


def _second_try(failures: Sequence[Failure], folder: Path) -> _Outcome:
    names = [failure.name for failure in failures]
    print(f"── pytest, a second try of {', '.join(names)}", flush=True)
    return _run(Phase("second try", ["--tb=short", *names]), folder)


def _told(outcomes: Sequence[_Outcome], second: _Outcome | None) -> int:
    """The exit status; prints the reasons first, then a line for each test and each broken run."""
    for each in [*outcomes, second] if second else outcomes:
        for failure in each.failures[:_SHOWN]:
            print(f"── {failure.name}, {each.phase}:\n{failure.reason}")
    status = 0
    for each in outcomes:
        for failure in each.failures:
            verdict = _verdict(failure, second if each.may_be_an_accident else None)
            print(f"parley: {verdict}, {each.phase}: {failure.name}")
            if verdict != _UNSTABLE:
                status = each.status
        if each.status and not each.may_be_an_accident:
            print(f"parley: pytest ended with status {each.status}, {each.phase}")
            status = each.status
    sys.stdout.flush()
    return status


def _verdict(failure: Failure, second: _Outcome | None) -> str:
    if second is None:
        return "FAILED"
    again = {failure.name for failure in second.failures}
    # A second try that broke off has passed nothing.
    passed = second.status in (0, _TESTS_FAILED) and failure.name not in again
    return _UNSTABLE if passed else "FAILED twice"
