"""`./run test`: formatting, lint, types, imports, the contract, the page, then the tests."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cli import docs
from cli import proto as codegen
from ops.toolchain import ensure_node
from parley import paths
from parley.arguments import CommandParser
from parley.control_group import usable_cores

FAST = "not servers and not e2e and not browser and not realtime"
_BIN = Path(sys.executable).parent
_WEB = paths.repository() / "web"
_PYTEST = [sys.executable, "-m", "pytest"]
_FAILED = ".pytest_cache/v/cache/lastfailed"
_FEW = 3
"""Failed tests of a run that get a second try: more are no accident."""
_PER_CORE = 2
"""Tests without servers that run at once: they mostly wait."""


@dataclass(frozen=True)
class ProjectCheck:
    """One step: `passes` prints what is wrong and returns False when it fails."""

    name: str
    passes: Callable[[], bool]


def main(arguments: list[str]) -> int:
    """Runs every check, then pytest, whose closing line comes last."""
    options, pytest_arguments = make_parser().parse_known_args(arguments)
    failed = [check.name for check in static_checks() if not _timed(check)]
    if failed:
        print(f"parley: failed before the tests: {', '.join(failed)}", file=sys.stderr)
        return 1
    if options.fast:
        pytest_arguments = [*_fast(), *pytest_arguments]
    print("── pytest", flush=True)
    return _some_tests(pytest_arguments) if pytest_arguments else _all_tests()


def _some_tests(arguments: list[str]) -> int:
    return subprocess.run([*_PYTEST, *arguments], cwd=paths.repository(), check=False).returncode


def _all_tests() -> int:
    """The exit status of all tests: first those without servers, side by side, then the others.

    A few of the others get a second try; it is told. A machine that stood still for some seconds
    is no fault of the code; a test without servers that fails once is one, and so is whatever
    fails twice.
    """
    fast = _some_tests([*_fast(), "--durations=20"])
    print("── pytest, with servers", flush=True)
    status = _some_tests(["-m", f"not ({FAST})", "--cache-clear", "--durations=40"])
    return fast or (status and _second_try(status))


def _fast() -> list[str]:
    """The tests without servers, a file in one process, several files at once."""
    return ["-m", FAST, "-n", str(_PER_CORE * usable_cores()), "--dist", "loadfile"]


def _second_try(status: int) -> int:
    record = paths.repository() / _FAILED
    failed = list(json.loads(record.read_text(encoding="utf-8"))) if record.is_file() else []
    if not 0 < len(failed) <= _FEW:
        return status
    print(f"── pytest, a second try of {', '.join(failed)}", flush=True)
    status = _some_tests(failed)
    if not status:
        print(f"parley: UNSTABLE, passed at a second try only: {', '.join(failed)}")
    return status


def static_checks() -> list[ProjectCheck]:
    """What is checked without running Parley."""
    return [
        ProjectCheck("formatting", _command("ruff", "format", "--check", "--quiet", ".")),
        ProjectCheck("lint", _command("ruff", "check", "--quiet", ".")),
        ProjectCheck("types", _command("mypy")),
        ProjectCheck("imports", _command("lint-imports")),
        ProjectCheck("contract", _command("buf", "lint", cwd="proto")),
        ProjectCheck("generated code", _generated_code_is_fresh),
        ProjectCheck("generated docs", _generated_docs_are_fresh),
        ProjectCheck("monitoring", _monitoring_is_fresh),
        ProjectCheck("page: types and lint", _npm("run", "check")),
        ProjectCheck("page: tests", _npm("test")),
    ]


def _timed(check: ProjectCheck) -> bool:
    print(f"── {check.name} ", end="", flush=True)
    start = time.perf_counter()
    passed = check.passes()
    print(f"── {'ok' if passed else 'FAILED'}, {time.perf_counter() - start:.1f} s", flush=True)
    return passed


def _command(program: str, *arguments: str, cwd: str = ".") -> Callable[[], bool]:
    return lambda: _succeeds([str(_BIN / program), *arguments], paths.repository() / cwd)


def _npm(*arguments: str) -> Callable[[], bool]:
    """An npm command in web/, its libraries installed first where the lock has changed."""

    def passes() -> bool:
        tools = ensure_node()
        path = f"{tools.node.parent}{os.pathsep}{os.environ.get('PATH', '')}"
        installed = _WEB / "node_modules" / ".package-lock.json"
        lock = _WEB / "package-lock.json"
        if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
            install = [*tools.npm, "ci", "--no-audit", "--no-fund"]
            if not _succeeds(install, _WEB, PATH=path):
                return False
        return _succeeds([*tools.npm, *arguments], _WEB, PATH=path)

    return passes


def _succeeds(command: list[str], folder: Path, **environment: str) -> bool:
    """Runs the command; what it printed is shown only if it fails."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        print(f"\n{done.stdout.strip()}")
    return done.returncode == 0


def _generated_code_is_fresh() -> bool:
    stale = codegen.stale_files()
    for file in stale:
        print(f"\n{file} is not what proto/ gives: run `./run proto`", end="")
    return not stale


def _generated_docs_are_fresh() -> bool:
    stale = docs.stale_pages()
    for page in stale:
        print(f"\n{page} is not what the code gives: run `./run docs`", end="")
    return not stale


def _monitoring_is_fresh() -> bool:
    from ops.monitoring.documents import stale  # noqa: PLC0415 - brings Grafana's library

    files = stale(paths.repository())
    for file in files:
        print(f"\n{file} is not what the objectives give: run `./run monitoring`", end="")
    return not files


def make_parser() -> CommandParser:
    parser = CommandParser(
        prog="./run test",
        description="Runs every check of the project; what else is given goes to pytest.",
    )
    parser.add_argument(
        "--fast",
        action="store_true",
        help="leave out the tests that start servers or browsers, or keep real time",
    )
    return parser
