"""`./run bench scoreboard`: many calls over many workers, which each node asks once for all.

The scoreboards, their sockets and the calls' side of them are the real ones, in one process; the
workers are simulated, and a call is only its replies: what they cost otherwise is left out.
"""

import argparse
import asyncio
import json
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.machine import ForeignLoad, Machine
from bench.percentiles import percentile
from bench.promise import Promise, print_promises
from bench.scoreboard_fleet import Fleet, FleetLoad, converse, fleet_running, loss_seen_s
from bench.stopping import run_until_stopped

LEARNING_S = 5.0
"""Left out at the beginning: a node knows nothing yet."""
SMALL = FleetLoad(calls=40, workers=4, nodes=1, reply_every_s=10.0)
OBSERVERS = 10
STATUS_PERIODS = 1.1
"""A status a second, and a little for the edges of what was measured."""
SLOW_SHARE = 0.05
LOSS_SEEN_MS = 250.0


@dataclass(frozen=True)
class Figures:
    """Of one run; rates are per second."""

    name: str
    calls: int
    workers: int
    nodes: int
    replies: int
    status_per_worker: float
    status_kb_per_worker: float
    status_per_node: float
    told_kb_per_node: float
    """To all calls of the node."""
    slow_share: float
    fair_share: float
    """Of the slow worker, were it as quick as the others."""
    pick_p95_us: float
    loss_seen_p95_ms: float | None
    cpu_percent_per_call: float
    """Of a core, of this process: the servers, the calls' side and the simulation."""


async def measure(name: str, load: FleetLoad, folder: Path, *, for_s: float) -> Figures:
    """Runs the calls so long, after they have learnt for a while."""
    _allow_files(4 * load.calls + 256)
    until, random = asyncio.Event(), Random(1)  # noqa: S311 - the same load in every run
    async with fleet_running(load, folder) as fleet, asyncio.TaskGroup() as calls:
        for number in range(load.calls):
            own = Random(random.random())  # noqa: S311
            calls.create_task(converse(fleet, number, until, own))
        await asyncio.sleep(min(LEARNING_S, for_s))
        fleet.forget()
        loop = asyncio.get_running_loop()
        began, cpu_before = loop.time(), time.process_time()
        await asyncio.sleep(for_s)
        figures = _figures(name, fleet, loop.time() - began, time.process_time() - cpu_before)
        seen_s = await loss_seen_s(fleet, 0, OBSERVERS) if fleet.nodes else []
        until.set()
    p95 = percentile([1e3 * seconds for seconds in seen_s], 95)
    return Figures(**{**asdict(figures), "loss_seen_p95_ms": p95})


def _figures(name: str, fleet: Fleet, lasted_s: float, cpu_s: float) -> Figures:
    load, workers = fleet.load, fleet.workers.values()
    asked = sum(worker.asked for worker in workers)
    nodes = max(1, load.nodes)
    return Figures(
        name=name,
        calls=load.calls,
        workers=load.workers,
        nodes=load.nodes,
        replies=sum(worker.replies for worker in workers),
        status_per_worker=round(asked / load.workers / lasted_s, 2),
        status_kb_per_worker=round(
            sum(worker.asked_bytes for worker in workers) / load.workers / lasted_s / 1e3, 1
        ),
        status_per_node=round(asked / nodes / lasted_s, 1),
        told_kb_per_node=round(
            sum(node.told_bytes for node in fleet.nodes) / nodes / lasted_s / 1e3, 1
        ),
        slow_share=round(fleet.slow_share, 4),
        fair_share=round(load.slow / load.workers, 4),
        pick_p95_us=percentile([1e6 * seconds for seconds in fleet.pick_s], 95) or 0.0,
        loss_seen_p95_ms=None,
        cpu_percent_per_call=round(100 * cpu_s / lasted_s / load.calls, 3),
    )


def _allow_files(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))


async def measure_all(load: FleetLoad, folder: Path, *, for_s: float) -> list[Figures]:
    _tell(f"{load.calls} calls on {load.nodes} nodes over {load.workers} workers, one of them slow")
    large = await measure("fleet", load, folder / "fleet", for_s=for_s)
    _tell(f"{SMALL.calls} calls on one node over {SMALL.workers} workers, one of them slow")
    small = await measure("one_node", SMALL, folder / "small", for_s=2 * for_s)
    _tell("the same, where every call keeps a scoreboard of its own")
    alone = FleetLoad(**{**asdict(SMALL), "nodes": 0})
    each = await measure("each_call_its_own", alone, folder / "alone", for_s=2 * for_s)
    return [large, small, each]


def promises(figures: Sequence[Figures]) -> list[Promise]:
    large, small = figures[0], figures[1]
    return [
        Promise(
            "status_per_worker_and_node", STATUS_PERIODS, large.status_per_worker / large.nodes
        ),
        Promise("slow_share_among_four", SLOW_SHARE, small.slow_share),
        Promise("slow_share_over_fair_in_the_fleet", 1.0, large.slow_share / large.fair_share),
        Promise("loss_seen_p95_ms", LOSS_SEEN_MS, large.loss_seen_p95_ms),
    ]


def _tell(line: str) -> None:
    print(line, file=sys.stderr)


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    load = FleetLoad(
        calls=options.calls,
        workers=options.workers,
        nodes=options.nodes,
        reply_every_s=SMALL.reply_every_s,
    )
    with ForeignLoad() as foreign, tempfile.TemporaryDirectory(prefix="parley-board-") as folder:
        measured = run_until_stopped(measure_all(load, Path(folder), for_s=float(options.seconds)))
    kept = promises(measured)
    if options.json:
        print(json.dumps(_document(measured, kept, foreign.percent)))
    else:
        _print(measured, kept, foreign.percent)
    return 0 if all(promise.kept for promise in kept) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./run bench scoreboard", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document, nothing else")
    parser.add_argument("--calls", type=int, default=1000, help="default: 1000")
    parser.add_argument("--workers", type=int, default=100, help="default: 100")
    parser.add_argument("--nodes", type=int, default=10, help="that the calls are on; default: 10")
    parser.add_argument("--seconds", type=int, default=30, help="of the fleet; default: 30")
    return parser


def _document(
    measured: Sequence[Figures], kept: Sequence[Promise], foreign_percent: float
) -> dict[str, Any]:
    return {
        "benchmark": "scoreboard",
        "machine": asdict(Machine.this()),
        "foreign_load_percent": foreign_percent,
        "results": [asdict(figures) for figures in measured],
        "promises": [each.document() for each in kept],
    }


def _print(measured: Sequence[Figures], kept: Sequence[Promise], foreign_percent: float) -> None:
    table = Table(title="what is known of the workers, and what that costs")
    table.add_column("")
    names = [figures.name.replace("_", " ") for figures in measured]
    for name in names:
        table.add_column(name, justify="right")
    rows = [asdict(figures) for figures in measured]
    for key in list(rows[0])[1:]:
        table.add_row(key.replace("_", " "), *(str(row[key]) for row in rows))
    console, machine = Console(), Machine.this()
    console.print(table)
    console.print(
        f"{machine.cores} cores, {machine.processor}; others kept {foreign_percent:.0f}% of them "
        "busy meanwhile."
    )
    print_promises(console, kept)
