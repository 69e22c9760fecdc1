"""`./run bench pool`: load and first audio over several workers, with a slow one, in overload.

All workers are pinned to one core and the streams' client to another, and every comparison has
the same number of slots in all: what differs is only how the same capacity is divided.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.machine import ForeignLoad, Machine
from bench.percentiles import percentile
from bench.pool_streams import (
    Outcome,
    PoolEngine,
    Speakers,
    StreamLoad,
    slowed,
    speakers,
    workers_running,
)
from bench.promise import Promise, print_promises
from bench.stopping import run_until_stopped
from parley import models
from parley.arguments import CommandParser
from parley.errors import ConfigurationError, ParleyError
from testkit.isolated_config import forget_own_settings
from testkit.worker_process import WorkerProcess

ENGINES = {
    "hibari": PoolEngine("hibari", "hibari-en-us-heart"),
    "piper": PoolEngine("piper", "piper-en-us-joe-medium"),
}
WORKERS = (1, 2, 4)
SLOTS = 8
"""In all: of one worker, or divided among several."""
STREAMS = 8
PAUSE_S = 0.6
LONG_TEXTS = 4
"""Of the utterances of the overload, one after the other without a pause."""
ROUNDS = 2
"""Of the healthy and the slow workers, in turn: what else happens falls on both."""
LEARNING_S = 5.0
"""Left out at the beginning of each: a pool knows that a worker has become slow after some of its
utterances."""

MOST_UNEVEN = 1.5
FEWEST_PER_WORKER = 40
"""Utterances to judge that by: of 40 over four workers the busiest has 1.5 times the mean by chance
in every tenth run, of 160 in one of a thousand."""
SLOW_P99 = 1.3
OVERLOAD_P95 = 1.3
REFUSED_MS = 400.0
"""A worker lets a request wait a quarter of a second; others known to be full are not asked."""


@dataclass(frozen=True)
class PoolFigures:
    """Of one measurement; times to first audio in ms, since asked."""

    name: str
    workers: int
    streams: int
    utterances: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    share: dict[str, float]
    """Of each worker in the utterances."""
    broken_off_p95_ms: float
    """How long utterances had nothing left to hear before their end."""
    refused: int
    refusal_p95_ms: float | None

    @classmethod
    def of(cls, name: str, workers: int, outcome: Outcome) -> "PoolFigures":
        spoken = outcome.spoken
        first = [each.first_audio_ms for each in spoken]
        return cls(
            name=name,
            workers=workers,
            streams=outcome.streams,
            utterances=len(spoken),
            p50_ms=_at(first, 50),
            p95_ms=_at(first, 95),
            p99_ms=_at(first, 99),
            share={worker: round(part, 3) for worker, part in outcome.share.items()},
            broken_off_p95_ms=_at([each.broken_off_ms for each in spoken], 95),
            refused=len(outcome.refused_ms),
            refusal_p95_ms=percentile(outcome.refused_ms, 95) if outcome.refused_ms else None,
        )

    @property
    def unevenness(self) -> float | None:
        """The busiest worker's utterances over the mean; None where these are too few to tell."""
        if self.utterances < FEWEST_PER_WORKER * self.workers:
            return None
        return round(max(self.share.values()) * self.workers, 2)

    @property
    def shares(self) -> str:
        """Each worker's part, in percent."""
        return "/".join(f"{100 * part:.0f}" for part in self.share.values())


@dataclass
class PoolReport:
    """Everything that was measured, by name."""

    engine: PoolEngine
    figures: dict[str, PoolFigures] = field(default_factory=dict)

    def add(self, name: str, workers: int, outcome: Outcome) -> None:
        self.figures[name] = PoolFigures.of(name, workers, outcome)

    def promises(self) -> list[Promise]:
        figures = self.figures
        healthy, slow = figures["healthy"], figures["one_slow"]
        capacity, overload = figures["capacity"], figures["overload"]
        uneven = [figures[name].unevenness for name in _SCALING]
        known = [each for each in uneven if each is not None]
        unevenness = max(known) if len(known) == len(uneven) else None
        return [
            Promise("busiest_worker_over_mean", MOST_UNEVEN, unevenness),
            Promise("p99_with_a_slow_worker", SLOW_P99, _ratio(slow.p99_ms, healthy.p99_ms)),
            Promise(
                "admitted_p95_at_twice_capacity",
                OVERLOAD_P95,
                _ratio(overload.p95_ms, capacity.p95_ms),
            ),
            Promise("refusal_p95_ms", REFUSED_MS, overload.refusal_p95_ms),
        ]


_SCALING = tuple(f"{count}_workers" for count in WORKERS)


def _at(measured: Sequence[float], percent: float) -> float:
    return percentile(measured, percent) or 0.0


def _ratio(value: float, base: float) -> float:
    return round(value / max(base, 1e-9), 2)


async def measure(
    engine: PoolEngine, folder: Path, *, for_s: float, at_least: int = FEWEST_PER_WORKER
) -> PoolReport:
    """All measurements, each for about `for_s`, and over as many utterances of each worker as its
    share is judged by; raises ParleyError."""
    models.ensure(engine.voice)
    report = PoolReport(engine)
    client, cores = _cores()
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, client)
    try:
        for count in WORKERS:
            async with workers_running(
                folder, engine, count=count, slots=SLOTS // count, cpus=cores
            ) as workers:
                _tell(f"{STREAMS} streams over {count} workers")
                async with speakers(workers, engine) as streams:
                    load = StreamLoad(streams=STREAMS, pause_s=PAUSE_S)
                    await streams.speak(load, for_s=min(LEARNING_S, for_s / 2), at_least=0)
                    outcome = await streams.speak(load, for_s=for_s, at_least=at_least * count)
                    report.add(f"{count}_workers", count, outcome)
                    if count == WORKERS[-1]:
                        await _slow(report, workers, streams, for_s)
                        await _overload(report, count, streams, for_s)
    finally:
        os.sched_setaffinity(0, before)
    return report


async def _slow(
    report: PoolReport, workers: Sequence[WorkerProcess], streams: Speakers, for_s: float
) -> None:
    """All healthy, and one at half speed, in turn."""
    _tell("one of them at half speed, now and then")
    load = StreamLoad(streams=STREAMS, pause_s=PAUSE_S)
    healthy, slow = Outcome(STREAMS), Outcome(STREAMS)
    for _ in range(ROUNDS):
        async with slowed(workers[0]):
            await streams.speak(load, for_s=min(LEARNING_S, for_s / 2), at_least=0)
            slow += await streams.speak(load, for_s=for_s * 0.75)
        await streams.speak(load, for_s=min(LEARNING_S, for_s / 2), at_least=0)
        healthy += await streams.speak(load, for_s=for_s * 0.75)
    report.add("healthy", len(workers), healthy)
    report.add("one_slow", len(workers), slow)


async def _overload(report: PoolReport, workers: int, streams: Speakers, for_s: float) -> None:
    _tell("as many utterances without a pause as there are slots, then twice as many")
    full = StreamLoad(streams=SLOTS, texts=LONG_TEXTS)
    report.add("capacity", workers, await streams.speak(full, for_s=for_s))
    double = StreamLoad(streams=2 * SLOTS, texts=LONG_TEXTS)
    report.add("overload", workers, await streams.speak(double, for_s=for_s))


def _cores() -> tuple[set[int], tuple[int, ...]]:
    """A core for the client and one for all workers; raises ConfigurationError."""
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise ConfigurationError("bench pool needs two cores: one for the workers, one for itself")
    return {allowed[0]}, (allowed[1],)


def _tell(line: str) -> None:
    print(line, file=sys.stderr)


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    forget_own_settings()
    with ForeignLoad() as foreign, tempfile.TemporaryDirectory(prefix="parley-pool-") as folder:
        try:
            measuring = measure(
                ENGINES[options.engine],
                Path(folder),
                for_s=options.seconds,
                at_least=options.at_least,
            )
            report = run_until_stopped(measuring)
        except ParleyError as error:
            print(f"parley: {error}", file=sys.stderr)
            return 2
    if options.json:
        print(json.dumps(_document(report, foreign.percent)))
    else:
        _print(report, foreign.percent)
    return 0 if all(promise.kept for promise in report.promises()) else 1


def _parser() -> CommandParser:
    parser = CommandParser(prog="./run bench pool", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document, nothing else")
    parser.add_argument("--engine", choices=ENGINES, default="hibari", help="default: hibari")
    parser.add_argument(
        "--seconds", type=_seconds, default=20.0, metavar="S", help="of each measurement"
    )
    parser.add_argument(
        "--at-least",
        type=int,
        default=FEWEST_PER_WORKER,
        metavar="N",
        help=f"utterances of each worker; of fewer than {FEWEST_PER_WORKER} no share is judged",
    )
    return parser


def _seconds(text: str) -> float:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return float(text)


def _document(report: PoolReport, foreign_percent: float) -> dict[str, Any]:
    return {
        "benchmark": "pool",
        "engine": report.engine.adapter,
        "voice": report.engine.voice,
        "machine": asdict(Machine.this()),
        "foreign_load_percent": foreign_percent,
        "results": [asdict(figures) for figures in report.figures.values()],
        "promises": [each.document() for each in report.promises()],
    }


def _print(report: PoolReport, foreign_percent: float) -> None:
    table = Table(title=f"{report.engine.voice}: time to first audio, {SLOTS} slots in all")
    table.add_column("")
    for column in ("streams", "spoken", "p50", "p95", "p99", "shares, %", "refused"):
        table.add_column(column, justify="right")
    for figures in report.figures.values():
        table.add_row(
            figures.name.replace("_", " "),
            str(figures.streams),
            str(figures.utterances),
            *(f"{ms:.0f} ms" for ms in (figures.p50_ms, figures.p95_ms, figures.p99_ms)),
            figures.shares,
            str(figures.refused),
        )
    console, machine = Console(), Machine.this()
    console.print(table)
    console.print(
        f"{machine.cores} cores, {machine.processor}; others kept {foreign_percent:.0f}% of them "
        "busy meanwhile.\nAll workers share one core, the streams have another."
    )
    print_promises(console, report.promises())
