"""`./run test`: formatting, lint, types, imports, the contract, the page, then the tests."""

import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cli import docs
from cli import proto as codegen
from ops.toolchain import ensure_node
from parley import paths
from parley.arguments import CommandParser
from parley.control_group import usable_cores
from testkit.phases import Phase, run_phases

FAST = "not servers and not e2e and not browser and not realtime"
BESIDE = "servers and not e2e and not browser and not realtime and not cosyvoice"
"""Those with servers that do not care what else runs: nobody speaks, and nothing is measured."""
_BIN = Path(sys.executable).parent
_WEB = paths.repository() / "web"
_PER_CORE = 2
"""Tests without servers that run at once: they mostly wait."""


@dataclass(frozen=True)
class ProjectCheck:
    """One step: `passes` prints what is wrong and returns False when it fails."""

    name: str
    passes: Callable[[], bool]


def main(arguments: list[str]) -> int:
    """Runs every check, then pytest, whose closing lines come last."""
    options, pytest_arguments = make_parser().parse_known_args(arguments)
    with compiling(_imported()):
        failed = [check.name for check in static_checks() if not _timed(check)]
    if failed:
        print(f"parley: failed before the tests: {', '.join(failed)}", file=sys.stderr)
        return 1
    if options.fast:
        pytest_arguments = [*_beside(FAST, _PER_CORE), *pytest_arguments]
    if not pytest_arguments:
        return run_phases(phases(), paths.repository())
    print("── pytest", flush=True)
    command = [sys.executable, "-m", "pytest", *pytest_arguments]
    return subprocess.run(command, cwd=paths.repository(), check=False).returncode


def phases() -> list[Phase]:
    """All tests: those side by side last, when what they share in the cache has been made."""
    alone = ["-m", f"not ({FAST}) and not ({BESIDE})"]
    return [
        Phase("without servers", [*_beside(FAST, _PER_CORE), "--durations=20"]),
        Phase("one after the other", [*alone, "--durations=40"]),
        Phase("servers side by side", [*_beside(BESIDE, 1), "--durations=20"]),
    ]


def _beside(marks: str, per_core: int) -> list[str]:
    """Arguments for these tests: a file in one process, several files at once."""
    return ["-m", marks, "-n", str(per_core * usable_cores()), "--dist", "loadfile"]


@contextmanager
def compiling(folders: Sequence[Path]) -> Iterator[None]:
    """Meanwhile, all Python in the folders gets its bytecode.

    Images of CI forbid Python to keep any (PYTHONDONTWRITEBYTECODE): each of the many processes
    that tests start would compile all it imports, and half of the machine's time goes there.
    """
    command = [sys.executable, "-m", "compileall", "-qq", *map(str, folders)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield
        process.wait()  # some packages hold files of other Pythons: its status says nothing
    finally:
        process.kill()
        process.wait()


def _imported() -> list[Path]:
    """The folders of this house's packages, and of those that are installed."""
    own = [file.parent for file in paths.repository().glob("*/__init__.py")]
    return [*own, Path(sysconfig.get_path("purelib"))]


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
