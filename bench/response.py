"""`./run bench response`: how long a person waits for an answer, and where that time goes.

One caller asks recorded and synthetic questions in real rooms; all models are local and real.
From the end of the caller's speech to the first audible sample of the answer at their ear.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.arguments import add_settings, positive, settings_of
from bench.interruptions import to_stderr
from bench.load_figures import unanswered, waits_ms
from bench.machine import ForeignLoad, Machine
from bench.peers.running import PEERS, OpenCall, taking_calls
from bench.percentiles import distribution, percentile
from bench.promise import Promise, print_promises
from bench.response_calls import AskedQuestion, ask
from bench.response_path import PathSummary, summary
from bench.response_plot import draw
from bench.response_questions import SpokenQuestion, recorded, synthetic
from bench.stopping import run_until_stopped
from caller.access import Access
from caller.recordings import SPEECH
from parley import __version__, paths
from parley.arguments import CommandParser
from parley.errors import ParleyError
from testkit.isolated_instance import OwnParley, running_with_local_model

MEDIAN_MS, P95_MS = 450, 650
DEFAULT_EACH = 30
SEED = 11
OURS = "parley"
KINDS = ("recorded", "synthetic")


@dataclass(frozen=True)
class Answered:
    """What became of all questions that one agent was asked."""

    agent: str
    version: str
    asked: tuple[AskedQuestion, ...]


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    try:
        with ForeignLoad() as foreign:
            found = run_until_stopped(_run(options))
    except ParleyError as error:
        print(f"parley: {error}", file=sys.stderr)
        return 2
    ours, *peers = found
    promises = promises_of(ours.asked)
    plot = options.plot or paths.state_dir() / "bench" / "response.svg"
    peers_ms = {f"{each.agent} {each.version}": _median_ms(each.asked) or 0.0 for each in peers}
    draw(paths_by_kind(ours.asked), peers_ms, plot)
    document = _document(found, promises, foreign.percent, plot, options)
    print(json.dumps(document)) if options.json else _print(document, promises)
    return 0 if all(promise.kept for promise in promises) else 1


def promises_of(asked: Sequence[AskedQuestion]) -> list[Promise]:
    """An answer that never came counts as the longest wait."""
    waits = waits_ms(asked)
    return [
        Promise("response_p50_ms", MEDIAN_MS, percentile(waits, 50)),
        Promise("response_p95_ms", P95_MS, percentile(waits, 95)),
    ]


def paths_by_kind(asked: Sequence[AskedQuestion]) -> dict[str, PathSummary]:
    """Of the answers whose way the agent told, by kind of question."""
    known = {
        kind: [each.path for each in asked if each.kind == kind and each.path is not None]
        for kind in KINDS
    }
    return {kind: summary(of_kind) for kind, of_kind in known.items() if of_kind}


async def _run(options: argparse.Namespace) -> list[Answered]:
    changes = settings_of(options.set)
    questions = [*recorded(options.clips, options.each), *await synthetic(options.each)]
    logs = paths.state_dir() / "bench" / "peers"
    found = []
    to_stderr(f"{OURS}: starting")
    async with running_with_local_model(**changes) as parley:
        found.append(Answered(OURS, __version__, await _ask(questions, _calls_of(parley), True)))
        for peer in PEERS if options.peers else ():
            to_stderr(f"{peer.name}: preparing")
            async with taking_calls(peer, parley, logs) as open_call:
                asked = await _ask(questions, open_call, False)
            found.append(Answered(peer.name, peer.version, asked))
    return found


def _calls_of(parley: OwnParley) -> OpenCall:
    async def open_call() -> Access:
        return parley.access()

    return open_call


async def _ask(
    questions: Sequence[SpokenQuestion], open_call: OpenCall, tells: bool
) -> tuple[AskedQuestion, ...]:
    """Each agent is asked the same, in the same order and with the same pauses, after a question
    that does not count: models and caches are cold until then."""
    random = Random(SEED)  # noqa: S311
    mixed = random.sample(list(questions), len(questions))
    await ask(mixed[-1:], open_call, random=random, progress=lambda _: None, tells=tells)
    return tuple(await ask(mixed, open_call, random=random, progress=to_stderr, tells=tells))


def _median_ms(asked: Sequence[AskedQuestion]) -> float | None:
    return percentile(waits_ms(asked), 50)


def _figures(asked: Sequence[AskedQuestion]) -> dict[str, Any]:
    named = {"min": 0, "p50": 50, "p90": 90, "p95": 95, "max": 100}
    first_sounds = [each.first_sound_ms for each in asked if each.first_sound_ms is not None]
    return {
        "questions": len(asked),
        "unanswered": len(unanswered(asked)),
        "lost": sum(bool(each.lost) for each in asked),
        "talked_over": sum(each.talked_over for each in asked),
        "fillers_first": sum(
            each.first_sound_ms is not None and each.first_sound_ms != each.response_ms
            for each in asked
        ),
        "response_ms": distribution(waits_ms(asked), named),
        "response_at_arrival_ms": distribution(waits_ms(asked, at_arrival=True), named),
        "first_sound_ms": distribution(first_sounds, named),
    }


def _by_kind(asked: Sequence[AskedQuestion]) -> dict[str, Any]:
    kinds = {kind: [each for each in asked if each.kind == kind] for kind in KINDS}
    return {"all": _figures(asked)} | {kind: _figures(part) for kind, part in kinds.items()}


def _document(
    found: Sequence[Answered],
    promises: Sequence[Promise],
    foreign_percent: float,
    plot: Path,
    options: argparse.Namespace,
) -> dict[str, Any]:
    ours = found[0]
    return {
        "benchmark": "response",
        "machine": asdict(Machine.this()),
        "foreign_load_percent": foreign_percent,
        "settings_changed": list(options.set),
        "agents": [
            {"agent": each.agent, "version": each.version, "figures": _by_kind(each.asked)}
            for each in found
        ],
        "stages": {kind: asdict(path) for kind, path in paths_by_kind(ours.asked).items()},
        "questions": {each.agent: [asdict(asked) for asked in each.asked] for each in found},
        "promises": [promise.document() for promise in promises],
        "plot": str(plot),
    }


def _print(document: Mapping[str, Any], promises: Sequence[Promise]) -> None:
    console, machine = Console(highlight=False), document["machine"]
    table = Table(title="end of the caller's speech to the first sound of the answer, ms")
    table.add_column("agent")
    table.add_column("questions")
    columns = ("asked", "no answer", "talked over", "p50", "p95", "at arrival p50", "p95")
    for column in columns:
        table.add_column(column, justify="right")
    for agent in document["agents"]:
        for kind, found in agent["figures"].items():
            heard, arrived = found["response_ms"], found["response_at_arrival_ms"]
            cells = (found["questions"], found["unanswered"], found["talked_over"])
            times = (heard["p50"], heard["p95"], arrived["p50"], arrived["p95"])
            shown = ("–" if cell is None else f"{cell:g}" for cell in (*cells, *times))
            table.add_row(f"{agent['agent']} {agent['version']}", kind, *shown)
    console.print(table)
    for kind, path in document["stages"].items():
        stages = ", ".join(f"{name} {ms:g}" for name, ms in path["mean_ms"].items())
        console.print(
            f"{kind}, mean of {path['answers']}: {stages}; "
            f"the turn's end came last in {100 * path['turn_last_share']:.0f}%"
        )
    console.print(
        f"{machine['cores']} cores, {machine['processor']}; others kept "
        f"{document['foreign_load_percent']:.0f}% of them busy meanwhile\n"
        f"Plot: {document['plot']}"
    )
    print_promises(console, promises)


def _parser() -> CommandParser:
    parser = CommandParser(prog="./run bench response", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document, nothing else")
    parser.add_argument(
        "--each", type=positive, default=DEFAULT_EACH, metavar="N", help="questions of each kind"
    )
    parser.add_argument(
        "--clips", type=Path, default=SPEECH, metavar="DIR", help="recorded questions"
    )
    parser.add_argument(
        "--peers",
        action="store_true",
        help="ask livekit-agents and pipecat as well; their environments are made (1.1 GB) first",
    )
    add_settings(parser)
    parser.add_argument("--plot", type=Path, metavar="FILE", help="where the plot (SVG) goes")
    return parser
