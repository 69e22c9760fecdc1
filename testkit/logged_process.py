"""A server of a test that says when it is ready, in a log that is a file.

A pipe that nobody reads holds its writer up once it is full.
"""

import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

READY_WITHIN_S = 60.0
POLL_S = 0.01


def ready_process(
    command: Sequence[str],
    *,
    log: Path,
    ready: bytes,
    folder: Path,
    environ: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Starts it in `folder` and returns once `ready` is in its log. Raises RuntimeError: never."""
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, cwd=folder, env=environ, stdout=file, stderr=subprocess.STDOUT
        )
    give_up_s = time.monotonic() + READY_WITHIN_S
    while ready not in log.read_bytes():
        if process.poll() is not None or time.monotonic() > give_up_s:
            process.kill()
            process.wait()
            raise RuntimeError(f"it does not start:\n{log.read_text(errors='replace')}")
        time.sleep(POLL_S)
    return process
