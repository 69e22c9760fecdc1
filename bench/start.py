"""`./run bench start`: a first start on a machine that has nothing yet, by step.

The committed state of this checkout is cloned, and `./run up` called in the clone with empty
caches (its own, uv's, npm's) until every part is ready. What the machine has installed (Node, Go,
uv) is used, as a person's machine would; `./run up` says how long each step took, and steps that
run side by side overlap.
"""

import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.arguments import positive
from bench.machine import ForeignLoad, Machine
from bench.promise import Promise, print_promises
from parley import paths
from parley.arguments import CommandParser
from parley.errors import ParleyError
from testkit.isolated_config import forget_own_settings, write_config

PROMISED_S = 60.0
_READY = re.compile(r"ready after ([\d.]+) s: (.*) \(seconds, side by side\)")


@dataclass(frozen=True)
class FirstStart:
    """Seconds from the call of `./run up` to the last part's readiness, and those of each step;
    parts count from the end of the environment."""

    ready_s: float
    steps_s: dict[str, float]
    foreign_load_percent: float


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    forget_own_settings()
    try:
        starts = [started(options.within) for _ in range(options.times)]
    except ParleyError as error:
        print(f"parley: {error}", file=sys.stderr)
        return 2
    median_s = statistics.median(start.ready_s for start in starts)
    promise = Promise("first_start_s", PROMISED_S, median_s)
    if options.json:
        document = {
            "benchmark": "start",
            "machine": asdict(Machine.this()),
            "starts": [asdict(start) for start in starts],
            "promises": [promise.document()],
        }
        print(json.dumps(document))
    else:
        _print(starts, promise)
    return 0 if promise.kept else 1


def started(within_s: int) -> FirstStart:
    """One start, ended once it is ready; raises ParleyError where it is not."""
    with tempfile.TemporaryDirectory(prefix="parley-first-start-") as name:
        folder = Path(name)
        checkout, log = folder / "parley", folder / "up.log"
        clone = ["git", "clone", "--quiet", str(paths.repository()), str(checkout)]
        subprocess.run(clone, check=True)
        environment = os.environ | {
            "PARLEY_CONFIG_DIR": str(_configs(folder)),
            "PARLEY_STATE_DIR": str(folder / "state"),
            "PARLEY_CACHE_DIR": str(folder / "cache"),
            "UV_CACHE_DIR": str(folder / "uv"),
            "npm_config_cache": str(folder / "npm"),
        }
        environment.pop("PYTHONPATH", None)
        with log.open("wb") as output, ForeignLoad() as foreign:
            up = subprocess.Popen(
                [checkout / "run", "up"],
                cwd=checkout,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            try:
                found = _until_ready(up, log, within_s)
            finally:
                up.send_signal(signal.SIGINT)
                up.wait()
        return FirstStart(float(found[1]), steps(found[2]), foreign.percent)


def steps(told: str) -> dict[str, float]:
    """The steps of the line that `up` prints, such as "environment 9.8, page 12.0"."""
    pairs = (each.rsplit(" ", 1) for each in told.split(", "))
    return {name: float(took_s) for name, took_s in pairs}


def _configs(folder: Path) -> Path:
    """The settings as they come, on free ports."""
    return write_config(folder / "configs", orchestrator={"llm": {"local_model": "auto"}})


def _until_ready(up: subprocess.Popen[bytes], log: Path, within_s: int) -> re.Match[str]:
    for _ in range(10 * within_s):
        text = " ".join(log.read_text(encoding="utf-8", errors="replace").split())
        if found := _READY.search(text):
            return found
        try:
            up.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
        break
    last = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-12:])
    raise ParleyError(f"not ready within {within_s} s; the last it said:\n{last}")


def _print(starts: Sequence[FirstStart], promise: Promise) -> None:
    console = Console()
    table = Table(title="first starts: seconds by step, side by side")
    table.add_column("step")
    for number, _ in enumerate(starts, 1):
        table.add_column(str(number), justify="right")
    table.add_row("all ready", *(f"{start.ready_s:.1f}" for start in starts))
    for step in dict.fromkeys(name for start in starts for name in start.steps_s):
        cells = (start.steps_s.get(step) for start in starts)
        table.add_row(step, *("" if took is None else f"{took:.1f}" for took in cells))
    table.add_row("busy with others", *(f"{start.foreign_load_percent:.0f}%" for start in starts))
    console.print(table)
    print_promises(console, [promise])


def _parser() -> CommandParser:
    parser = CommandParser(prog="./run bench start", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document, nothing else")
    parser.add_argument("--times", type=positive, default=3, help="starts, one after the other")
    parser.add_argument(
        "--within", type=positive, default=600, metavar="S", help="each is given up after so long"
    )
    return parser
