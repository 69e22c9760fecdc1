"""Prometheus' own tools, which judge what we give them."""

import os
import shutil
import subprocess
from collections.abc import Callable

import pytest

Run = Callable[..., str]


def program(name: str) -> str:
    """Its path; where it is not installed the test is left out, but never in CI."""
    found = shutil.which(name)
    if found is None:
        why = f"{name} is not installed (Debian: apt-get install prometheus)"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    return found


@pytest.fixture(scope="session")
def promtool() -> Run:
    """Runs it with these arguments; fails with what it says, if it fails. Gives its output."""
    path = program("promtool")

    def run(*arguments: str, stdin: str = "") -> str:
        done = subprocess.run(
            [path, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run
