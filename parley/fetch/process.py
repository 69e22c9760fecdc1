"""A command that takes long, with progress and a log, and which never outlives its caller."""

import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

_POLL_S = 0.1


def run_logged(
    command: Sequence[str],
    *,
    log: Path,
    environment: Mapping[str, str],
    tick: Callable[[], None],
    folder: Path | None = None,
) -> int:
    """Runs `command` in `folder`, its output in `log`; returns its exit status.

    `tick` is called ten times a second; what it raises ends the command and all it started.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment),
        )
    try:
        while True:
            tick()
            try:
                return process.wait(_POLL_S)
            except subprocess.TimeoutExpired:
                continue
    finally:
        if process.returncode is None:
            _kill_tree(process)


def _kill_tree(process: subprocess.Popen[bytes]) -> None:
    root = psutil.Process(process.pid)
    for member in [*root.children(recursive=True), root]:
        with suppress(psutil.NoSuchProcess):
            member.kill()
    process.wait()
