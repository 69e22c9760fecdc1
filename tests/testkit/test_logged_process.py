"""A server of a test: it starts, or the test says why not, and its log never holds it up."""

import sys
from pathlib import Path

import pytest

from testkit.logged_process import ready_process

TALKS_MUCH = """
import sys
print("ready now", flush=True)
print("x" * 1_000_000, flush=True)
"""


def test_a_server_may_log_more_than_a_pipe_holds(tmp_path: Path) -> None:
    process = ready_process(
        [sys.executable, "-c", TALKS_MUCH], log=tmp_path / "log", ready=b"ready", folder=tmp_path
    )
    assert process.wait(60) == 0


def test_one_that_ends_before_it_is_ready_is_told_with_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="no disk"):
        ready_process(
            [sys.executable, "-c", "raise SystemExit('no disk')"],
            log=tmp_path / "log",
            ready=b"ready",
            folder=tmp_path,
        )
