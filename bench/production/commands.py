"""Programs that the run of production starts: what they said is kept, and who fails says why."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from parley.errors import ParleyError

POLL_S = 0.2
LAST_LINES = 12


def cli(*words: str | Path) -> list[str | Path]:
    """`./run` in the environment that is there: where it runs, nothing can be fetched."""
    return [sys.executable, "-m", "cli.main", *words]


class RunError(ParleyError):
    """A step of the run that did not come out as it has to."""


def run(
    command: Sequence[str | Path],
    *,
    within_s: float,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: bytes | None = None,
) -> str:
    """What the program wrote to standard output; raises RunError with its last words."""
    name = " ".join(str(word) for word in command)
    try:
        done = subprocess.run(
            [str(word) for word in command],
            input=stdin,
            capture_output=True,
            timeout=within_s,
            check=False,
            cwd=cwd,
            env=os.environ | (env or {}),
        )
    except subprocess.TimeoutExpired:
        raise RunError(f"{name}: no end within {within_s:.0f} s") from None
    except OSError as error:
        raise RunError(f"{name}: {error.strerror}") from None
    if done.returncode != 0:
        said = (done.stderr + done.stdout).decode(errors="replace").strip().splitlines()
        last = "\n  ".join(said[-LAST_LINES:]) or "it said nothing"
        raise RunError(f"{name}: status {done.returncode}\n  {last}")
    return done.stdout.decode(errors="replace")


def until(condition: Callable[[], bool], what: str, *, within_s: float) -> float:
    """Seconds until `condition` held; raises RunError where it does not."""
    began_s = time.monotonic()
    while not condition():
        if time.monotonic() - began_s > within_s:
            raise RunError(f"{what}: not within {within_s:.0f} s")
        time.sleep(POLL_S)
    return time.monotonic() - began_s
