"""`./run bench leaks`: whether anything grows with the calls, in any process or folder.

Starts a Parley of its own, holds short calls in it, then has its speech workers speak and hear
utterances. Between them, while nobody calls, it reads what every part holds; a line through these
readings says how much grows with each call and with each utterance, and how sure that is.
"""

import asyncio
import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.table import Table

from bench.arguments import positive
from bench.leak_load import ShortCalls, Utterances, endings
from bench.leak_readings import (
    FolderReading,
    PartReading,
    processes_under,
    read_folders,
    read_part,
)
from bench.leak_slopes import LEAST_READINGS, WARM_UP, LeakReading, Slope, fit
from bench.machine import ForeignLoad, Machine
from bench.promise import Promise
from bench.stopping import run_until_stopped
from caller.microphone import SAMPLE_RATE_HZ
from caller.recordings import SPEECH, sound_files
from ops.supervisor.stack import Stack
from parley.arguments import CommandParser
from parley.audio import Audio, read_audio
from parley.errors import ParleyError
from parley.program import EXIT_INTERRUPTED
from testkit.fake_llm import FakeLlm, llm_serving
from testkit.isolated_instance import OwnParley, running

Unit = Literal["call", "utterance"]

DEFAULT_CALLS, DEFAULT_UTTERANCES = 300, 2000
AT_ONCE = 3
READINGS = 100
"""Of the utterances; of the calls one after each batch."""
QUIET_S = 40.0
"""A room that everybody has left is closed after 20 s: then the last job of a batch has ended."""
LOOK_EVERY_S = 0.25
SETTLED_LOOKS = 12
TELL_EVERY_S = 10.0
PARTS = ("livekit", "asr", "tts", "agent", "gateway")
SHORTEST_CLIPS = 6
HELD_SHARE = 0.9
"""Of the calls, at least: what did not happen cannot leak."""

LIMITS: Mapping[Unit, Mapping[str, float]] = {
    # 50 kB a call are 50 MB for 1,000 calls, and 350 MB in a week of such days: what a part with a
    # limit of 2 GB bears until it is updated. Of the rest: one in a hundred calls is one too many.
    "call": {
        "memory_kb": 50,
        "threads": 0.01,
        "descriptors": 0.01,
        "processes": 0.01,
        "tasks": 0.01,
        "files": 0.01,
        "disk_kb": 1,
    },
    # 10 kB are less than the sound of the shortest word; a call has five utterances or more.
    "utterance": {
        "memory_kb": 10,
        "threads": 0.002,
        "descriptors": 0.002,
        "processes": 0.002,
        "tasks": 0.002,
        "files": 0.002,
        "disk_kb": 0.2,
    },
}
BOUNDED_OTHERWISE = ("logs", "sessions")
"""Their growth is told and not judged: logs are rotated, sessions kept as long as settings say."""


@dataclass(frozen=True)
class Growth:
    """Of one measure of one part or folder."""

    part: str
    measure: str
    unit: Unit
    first: float
    """After the warm-up."""
    last: float
    slope: Slope

    @property
    def promise(self) -> Promise | None:
        """That its lower bound is no higher than the limit; None: it is told, not judged."""
        if self.part in BOUNDED_OTHERWISE:
            return None
        limit = LIMITS[self.unit][self.measure]
        return Promise(f"{self.part}_{self.measure}_per_{self.unit}", limit, self.slope.low)


@dataclass
class Leaks:
    """What a run found."""

    calls: int = 0
    utterances: int = 0
    failures: list[str] = field(default_factory=list)
    not_quiet: int = 0
    """Batches after which jobs still ran when it was read."""
    restarts: int = 0
    """Of parts: what one held is gone then, leak or not."""
    took_s: float = 0.0
    readings: dict[tuple[str, str, Unit], list[LeakReading]] = field(default_factory=dict)

    def add(self, part: str, unit: Unit, done: int, found: PartReading | FolderReading) -> None:
        for measure, value in asdict(found).items():
            if value is not None:
                readings = self.readings.setdefault((part, measure, unit), [])
                readings.append(LeakReading(done, float(value)))

    def growths(self) -> list[Growth]:
        """By part and measure; those that were read too rarely are left out."""
        found = []
        for (part, measure, unit), readings in sorted(self.readings.items()):
            settled = [r for r in readings if r.done >= WARM_UP * readings[-1].done]
            if len(settled) >= LEAST_READINGS:
                first, last = settled[0].value, settled[-1].value
                found.append(Growth(part, measure, unit, first, last, fit(readings)))
        return found


class Watch:
    """Reads the parts and folders of one Parley into `leaks`."""

    def __init__(self, stack: Stack, scratch: Path, leaks: Leaks) -> None:
        configuration = stack.configuration
        server, workers = configuration.orchestrator.server, configuration.worker
        ports = {
            "asr": workers.asr.metrics_port,
            "tts": workers.tts.metrics_port,
            "agent": server.health_check_port,
            "gateway": server.gateway_health_port,
        }
        self._urls = {part: f"http://127.0.0.1:{port}/metrics" for part, port in ports.items()}
        self._stack = stack
        self._folders = configuration.state_dir, scratch
        self._leaks = leaks
        self._idle_processes = 0

    async def settle(self) -> None:
        """Returns when the agent has all processes that it keeps without a call."""
        same = 0
        while same < SETTLED_LOOKS:
            count = self._agent_processes()
            same = same + 1 if count == self._idle_processes else 0
            self._idle_processes = count
            await asyncio.sleep(LOOK_EVERY_S)

    async def quiet(self) -> None:
        """Returns when no job runs any more, or after QUIET_S: what is left then is read as it
        is."""
        until_s = time.monotonic() + QUIET_S
        while self._agent_processes() != self._idle_processes:
            if time.monotonic() > until_s:
                self._leaks.not_quiet += 1
                return
            await asyncio.sleep(LOOK_EVERY_S)

    async def read(self, unit: Unit, done: int) -> None:
        await asyncio.to_thread(self._read, unit, done)

    def _read(self, unit: Unit, done: int) -> None:
        for part, pid in self._pids().items():
            found = read_part(pid, metrics_url=self._urls.get(part))
            self._leaks.add(part, unit, done, found)
        for folder, held in read_folders(*self._folders).items():
            self._leaks.add(folder, unit, done, held)
        self._leaks.restarts = sum(part.restarts for part in self._stack.status)

    def _agent_processes(self) -> int:
        pid = self._pids().get("agent")
        return processes_under(pid) if pid is not None else 0

    def _pids(self) -> dict[str, int]:
        return {part.name: part.pid for part in self._stack.status if part.pid is not None}


async def measure(
    calls: int,
    utterances: int,
    *,
    into: Leaks | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> Leaks:
    """Holds the calls, then the utterances, in a Parley of its own; raises ParleyError. What is
    found is in `into`, broken off or not."""
    leaks = into if into is not None else Leaks()
    with tempfile.TemporaryDirectory(prefix="parley-leaks-") as scratch, _temporary_in(scratch):
        async with (
            llm_serving(FakeLlm()) as llm_url,
            running(llm_url=llm_url, max_sessions=3 * AT_ONCE, parts=PARTS) as parley,
        ):
            watch = Watch(parley.stack, Path(scratch), leaks)
            await watch.settle()
            await _calls(calls, parley, watch, leaks, tell)
            await _utterances(utterances, parley, watch, leaks, tell)
    return leaks


@contextmanager
def _temporary_in(folder: str) -> Iterator[None]:
    """Where the parts put temporary files: told from everybody else's."""
    before = os.environ.get("TMPDIR")
    os.environ["TMPDIR"] = folder
    try:
        yield
    finally:
        del os.environ["TMPDIR"]
        if before is not None:
            os.environ["TMPDIR"] = before


async def _calls(
    count: int, parley: OwnParley, watch: Watch, leaks: Leaks, tell: Callable[[str], None]
) -> None:
    port = parley.stack.configuration.orchestrator.server.port
    callers = ShortCalls(f"http://127.0.0.1:{port}", _short_clips())
    for batch, numbers in enumerate(_batches(count, AT_ONCE)):
        await callers.batch(numbers, endings(batch, len(numbers)))
        await watch.quiet()
        leaks.calls, leaks.failures = numbers[-1], callers.failures
        await watch.read("call", leaks.calls)
        tell(f"{leaks.calls} of {count} calls, {len(callers.failures)} failed")


async def _utterances(
    count: int, parley: OwnParley, watch: Watch, leaks: Leaks, tell: Callable[[str], None]
) -> None:
    async with Utterances(parley.tts_address, parley.asr_address) as speakers:
        for numbers in _batches(count, max(1, count // READINGS)):
            await speakers.batch(numbers)
            leaks.utterances = numbers[-1]
            await watch.read("utterance", leaks.utterances)
            tell(f"{leaks.utterances} of {count} utterances")


def _batches(count: int, size: int) -> Iterator[range]:
    """The numbers 1 to `count`, so many at a time."""
    for first in range(1, count + 1, size):
        yield range(first, min(first + size, count + 1))


def _short_clips() -> list[Audio]:
    clips = [read_audio(file).resampled(SAMPLE_RATE_HZ) for file in sound_files(SPEECH)]
    return sorted(clips, key=lambda clip: clip.duration_s)[:SHORTEST_CLIPS]


def promises_of(leaks: Leaks, growths: Sequence[Growth]) -> list[Promise]:
    promises = [growth.promise for growth in growths]
    held = leaks.calls - len(leaks.failures)
    return [
        Promise("calls_held", HELD_SHARE * leaks.calls, held, at_least=True),
        Promise("restarts", 0, leaks.restarts),
        *(promise for promise in promises if promise is not None),
    ]


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    logging.getLogger("livekit").setLevel(logging.CRITICAL)

    began_s = told_s = time.monotonic()

    def tell(line: str) -> None:
        nonlocal told_s
        if (now_s := time.monotonic()) - told_s > TELL_EVERY_S:
            told_s = now_s
            print(f"leaks: {now_s - began_s:4.0f} s: {line}", file=sys.stderr, flush=True)

    leaks, interrupted = Leaks(), False
    with ForeignLoad() as foreign:
        try:
            run_until_stopped(measure(options.calls, options.utterances, into=leaks, tell=tell))
        except ParleyError as error:
            print(f"parley: {error}", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            interrupted = True
    leaks.took_s = time.monotonic() - began_s
    document = document_of(leaks, foreign.percent)
    if options.json:
        print(json.dumps(document))
    else:
        _print(leaks, document)
    if interrupted:
        return EXIT_INTERRUPTED
    return 0 if all(promise["kept"] for promise in document["promises"]) else 1


def _parser() -> CommandParser:
    parser = CommandParser(prog="./run bench leaks", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document, nothing else")
    parser.add_argument("--calls", type=positive, default=DEFAULT_CALLS, metavar="N")
    parser.add_argument("--utterances", type=positive, default=DEFAULT_UTTERANCES, metavar="N")
    return parser


def document_of(leaks: Leaks, foreign_percent: float) -> dict[str, Any]:
    growths = leaks.growths()
    return {
        "benchmark": "leaks",
        "machine": asdict(Machine.this()),
        "foreign_load_percent": foreign_percent,
        "calls": leaks.calls,
        "utterances": leaks.utterances,
        "failures": leaks.failures,
        "not_quiet": leaks.not_quiet,
        "restarts": leaks.restarts,
        "took_s": round(leaks.took_s, 1),
        "growths": [_row(growth) for growth in growths],
        "promises": [promise.document() for promise in promises_of(leaks, growths)],
    }


def _row(growth: Growth) -> dict[str, Any]:
    slope = growth.slope
    return {
        "part": growth.part,
        "measure": growth.measure,
        "per": growth.unit,
        "first": round(growth.first, 1),
        "last": round(growth.last, 1),
        "readings": slope.readings,
        "slope": round(slope.per_unit, 4),
        "low": round(slope.low, 4),
        "high": round(slope.high, 4),
        "limit": growth.promise.required if growth.promise else None,
    }


def _print(leaks: Leaks, document: Mapping[str, Any]) -> None:
    console = Console(highlight=False)
    for unit in ("call", "utterance"):
        _print_table(console, unit, [row for row in document["growths"] if row["per"] == unit])
    broken = [promise["name"] for promise in document["promises"] if not promise["kept"]]
    console.print(
        f"{leaks.calls} calls ({len(leaks.failures)} failed) and {leaks.utterances} utterances in "
        f"{leaks.took_s / 60:.1f} minutes; {leaks.not_quiet} readings while a job still ran.\n"
        f"Others kept {document['foreign_load_percent']:.0f}% of the machine busy meanwhile.\n"
        f"{'[red]broken[/]: ' + ', '.join(broken) if broken else '[green]nothing leaks[/]'}"
    )
    for failure in leaks.failures[:5]:
        console.print(f"  {failure}")


def _print_table(console: Console, unit: str, rows: Sequence[Mapping[str, Any]]) -> None:
    table = Table(title=f"growth per {unit}, after the first {WARM_UP:.0%}")
    for column in ("part", "measure"):
        table.add_column(column)
    for column in ("first", "last", "slope", "95% interval", "limit"):
        table.add_column(column, justify="right")
    for row in rows:
        if not row["low"] and not row["high"] and row["first"] == row["last"]:
            continue  # nothing moved
        limit = "" if row["limit"] is None else f"{row['limit']:g}"
        table.add_row(
            row["part"],
            row["measure"].replace("_", " "),
            f"{row['first']:g}",
            f"{row['last']:g}",
            f"{row['slope']:+.3g}",
            f"{row['low']:+.3g} to {row['high']:+.3g}",
            limit,
        )
    console.print(table)
