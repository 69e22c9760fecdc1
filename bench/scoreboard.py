"""`./run bench scoreboard`: many calls over many workers, which each node asks once for all.

The scoreboards, their sockets and the calls' side of them are the real ones, in one process, whose
clock is turned: seconds pass as fast as they are worked off, on any machine. The workers are
simulated, and a call is only its replies. How soon a loss is known is measured in real time.
"""

import asyncio
import json
import resource
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
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
from parley.arguments import CommandParser
from testkit.fake_clock_loop import FakeClockLoop

LEARNING_S = 15.0
"""Left out at the beginning: calls come in, and a node knows nothing yet."""
SMALL = FleetLoad(calls=40, workers=4, nodes=1, reply_every_s=10.0)
SMALL_TIMES = 10
"""So many times as long: its replies are few."""
LOSSES = 20
OBSERVERS = 10
"""Of a loss; one process for all of them takes their news one after the other."""
STATUS_RATE = 1.1
"""A status a second, and a little for the edges of what was measured."""
SLOW_SHARE = 0.05
LOSS_SEEN_MS = 250.0


@dataclass(frozen=True)
class ScoreboardFigures:
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
    cpu_percent_per_call: float
    """Of a core, of this process: the servers, the calls' side and the simulation."""


async def measure(name: str, load: FleetLoad, folder: Path, *, for_s: float) -> ScoreboardFigures:
    """Runs the calls so long, after they have learnt for a while."""
    until, random = asyncio.Event(), Random(1)  # noqa: S311 - the same load in every run
    async with fleet_running(load, folder) as fleet, asyncio.TaskGroup() as calls:
        for number in range(load.calls):
            own = Random(random.random())  # noqa: S311
            calls.create_task(converse(fleet, number, until, own))
        await asyncio.sleep(LEARNING_S)
        fleet.forget()
        loop = asyncio.get_running_loop()
        began, cpu_before = loop.time(), time.process_time()
        await asyncio.sleep(for_s)
        figures = _figures(name, fleet, loop.time() - began, time.process_time() - cpu_before)
        until.set()
    return figures


async def losses_seen_ms(load: FleetLoad, folder: Path) -> list[float]:
    """How long it takes until the calls of a node avoid a worker that one of them lost."""
    async with fleet_running(replace(load, nodes=1), folder) as fleet:
        seen_s = [
            seconds for _ in range(LOSSES) for seconds in await loss_seen_s(fleet, 0, OBSERVERS)
        ]
    return [1e3 * seconds for seconds in seen_s]


def _figures(name: str, fleet: Fleet, lasted_s: float, cpu_s: float) -> ScoreboardFigures:
    load, workers = fleet.load, fleet.workers.values()
    asked = sum(worker.asked for worker in workers)
    nodes = max(1, load.nodes)
    return ScoreboardFigures(
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
        cpu_percent_per_call=round(100 * cpu_s / lasted_s / load.calls, 3),
    )


def _allow_files(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))


@dataclass(frozen=True)
class ScoreboardReport:
    """All that was measured."""

    results: tuple[ScoreboardFigures, ...]
    loss_seen_p95_ms: float | None
    """At the other calls of a node, in real time."""

    def promises(self) -> list[Promise]:
        large, small = self.results[:2]
        return [
            Promise(
                "status_per_worker_and_node", STATUS_RATE, large.status_per_worker / large.nodes
            ),
            Promise("slow_share_among_four", SLOW_SHARE, small.slow_share),
            Promise("slow_share_in_the_fleet", large.fair_share, large.slow_share),
            Promise("loss_seen_p95_ms", LOSS_SEEN_MS, self.loss_seen_p95_ms),
        ]


def measure_all(load: FleetLoad, folder: Path, *, for_s: float) -> ScoreboardReport:
    _allow_files(4 * load.calls + 256)

    def turned(name: str, load: FleetLoad, for_s: float) -> ScoreboardFigures:
        _tell(
            f"{load.calls} calls over {load.workers} workers, one of them slow; "
            + (f"{load.nodes} nodes" if load.nodes else "every call keeps a scoreboard of its own")
        )
        with asyncio.Runner(loop_factory=FakeClockLoop) as runner:
            return runner.run(measure(name, load, folder / name, for_s=for_s))

    results = (
        turned("fleet", load, for_s),
        turned("one_node", SMALL, SMALL_TIMES * for_s),
        turned("each_call_its_own", replace(SMALL, nodes=0), SMALL_TIMES * for_s),
    )
    _tell(f"a worker lost by one of {OBSERVERS + 1} calls")
    seen_ms = run_until_stopped(losses_seen_ms(load, folder / "lost"))
    return ScoreboardReport(results, percentile(seen_ms, 95))


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
        report = measure_all(load, Path(folder), for_s=float(options.seconds))
    if options.json:
        print(json.dumps(_document(report, foreign.percent)))
    else:
        _print(report, foreign.percent)
    return 0 if all(promise.kept for promise in report.promises()) else 1


def _parser() -> CommandParser:
    parser = CommandParser(prog="./run bench scoreboard", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document, nothing else")
    parser.add_argument("--calls", type=int, default=1000, help="default: 1000")
    parser.add_argument("--workers", type=int, default=100, help="default: 100")
    parser.add_argument("--nodes", type=int, default=10, help="that the calls are on; default: 10")
    parser.add_argument("--seconds", type=int, default=20, help="of the fleet; default: 20")
    return parser


def _document(report: ScoreboardReport, foreign_percent: float) -> dict[str, Any]:
    return {
        "benchmark": "scoreboard",
        "machine": asdict(Machine.this()),
        "foreign_load_percent": foreign_percent,
        "results": [asdict(figures) for figures in report.results],
        "promises": [each.document() for each in report.promises()],
    }


def _print(report: ScoreboardReport, foreign_percent: float) -> None:
    table = Table(title="what is known of the workers, and what that costs")
    table.add_column("")
    rows = [asdict(figures) for figures in report.results]
    for row in rows:
        table.add_column(row["name"].replace("_", " "), justify="right")
    for key in list(rows[0])[1:]:
        table.add_row(key.replace("_", " "), *(str(row[key]) for row in rows))
    console, machine = Console(), Machine.this()
    console.print(table)
    console.print(
        f"{machine.cores} cores, {machine.processor}; others kept {foreign_percent:.0f}% of them "
        "busy meanwhile."
    )
    print_promises(console, report.promises())
