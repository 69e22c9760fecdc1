"""`./run chaos`: loses parts in the middle of spoken replies and judges what a caller heard.

Exit status 0 when every promise is kept, 1 when one is broken, 2 for a command or a machine that
makes no sense of it.
"""

import json
import logging
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.chaos.cases import CASES, Case
from bench.chaos.suite import Plan, Suite
from bench.chaos.trial import ChaosTrial
from bench.machine import ForeignLoad, Machine
from bench.stopping import run_until_stopped
from parley.arguments import CommandParser
from parley.errors import ConfigurationError, ParleyError
from parley.program import EXIT_FAILED, EXIT_MISCONFIGURED


def main(arguments: list[str]) -> int:
    options = make_parser().parse_args(arguments)
    logging.getLogger("livekit").setLevel(logging.CRITICAL)  # what matters comes as CallError
    console, began = Console(stderr=True), time.monotonic()
    try:
        cases = [_case(name) for name in options.cases] or list(CASES.values())
        if options.keep is not None:
            _make(options.keep)
    except ConfigurationError as error:
        console.print(f"parley: {error}", markup=False, highlight=False, soft_wrap=True)
        return EXIT_MISCONFIGURED
    suite = Suite(
        cases,
        Plan.short() if options.short else Plan.full(),
        keep=options.keep,
        tell=lambda line: console.print(
            f"{time.monotonic() - began:4.0f} s  {line}", markup=False, highlight=False
        ),
    )
    failure: str | None = None
    with ForeignLoad() as foreign, ExitStack() as stack:
        folder = options.keep or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="parley-chaos-"))
        )
        try:
            run_until_stopped(suite.run(folder))
        except ConfigurationError as problem:
            console.print(f"parley: {problem}", markup=False, highlight=False, soft_wrap=True)
            return EXIT_MISCONFIGURED
        except ParleyError as problem:
            failure = str(problem)
    if options.json:
        print(json.dumps(_document(suite, failure, foreign.percent), indent=2))
    else:
        _print(suite, failure, foreign.percent)
    kept = failure is None and all(trial.kept for trial in suite.trials)
    return 0 if kept else EXIT_FAILED


def make_parser() -> CommandParser:
    parser = CommandParser(
        prog="./run chaos",
        description="Starts a Parley of its own, loses parts of it in the middle of spoken "
        "replies, and judges what a caller heard (docs/chaos.md).",
        epilog="cases: " + "; ".join(f"{case.name}: {case.summary}" for case in CASES.values()),
    )
    parser.add_argument("cases", metavar="CASE", nargs="*", help="default: all of them")
    parser.suggest("cases", CASES)
    parser.add_argument("--short", action="store_true", help="a shorter reply, each case once")
    parser.add_argument("--json", action="store_true", help="one JSON document, nothing else")
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="keep the replies as received, logs and settings"
    )
    return parser


def _case(name: str) -> Case:
    if name not in CASES:
        raise ConfigurationError(f"no case is called {name!r} (there are: {', '.join(CASES)})")
    return CASES[name]


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"--keep {folder}: {error.strerror}") from None


def _document(suite: Suite, error: str | None, foreign_percent: float) -> dict[str, Any]:
    return {
        "suite": "chaos",
        "machine": asdict(Machine.this()),
        "foreign_load_percent": foreign_percent,
        "script": suite.plan.script.text,
        "trials": [asdict(trial) for trial in suite.trials],
        "promises": [_promise(case, suite.trials) for case in suite.cases],
        "error": error,
    }


def _promise(case: Case, trials: Sequence[ChaosTrial]) -> dict[str, Any]:
    """The worst of a case's trials against what it promises."""
    own = [trial for trial in trials if trial.case == case.name]
    heard = [trial for trial in own if trial.gap_s is not None]
    return {
        "name": case.name,
        "required": {"lost": case.lost, "repeated": case.repeated, "gap_s": case.gap_s},
        "measured": {
            "lost": max((len(trial.lost) for trial in heard), default=None),
            "repeated": max((trial.repeated for trial in heard), default=None),
            "gap_s": max((trial.gap_s or 0.0 for trial in heard), default=None),
        },
        "trials": len(own),
        "kept": bool(own) and all(trial.kept for trial in own),
    }


def _print(suite: Suite, error: str | None, foreign_percent: float) -> None:
    table = Table(title="what a caller heard of it")
    table.add_column("case")
    table.add_column("when")
    for column in ("making", "lost", "twice", "gap", "allowed", "busy"):
        table.add_column(column, justify="right")
    table.add_column("")
    limits = {case.name: case for case in suite.cases}
    for trial in suite.trials:
        case = limits[trial.case]
        table.add_row(
            trial.case,
            trial.occasion + (f", {trial.hit_at_s:.1f} s" if trial.hit_at_s else ""),
            "" if trial.hit_at_s is None else ("yes" if trial.making else "no"),
            "" if trial.gap_s is None else " ".join(trial.lost) or "0",
            "" if trial.gap_s is None else str(trial.repeated),
            "" if trial.gap_s is None else f"{trial.gap_s:.2f} s",
            f"{case.gap_s:.2f} s",
            "" if trial.gap_s is None else f"{trial.busy_percent:.0f}%",
            "[green]kept[/]" if trial.kept else f"[red]broken[/] {trial.problem or ''}",
        )
    console, machine = Console(), Machine.this()
    console.print(table)
    console.print(
        f"{machine.cores} cores, {machine.processor}; others kept {foreign_percent:.0f}% of them "
        "busy meanwhile.\n"
        "when: the model's word after which it was hit; seconds since the reply's first sound.\n"
        "making: whether the worker was making sound of the reply at that moment.\n"
        "gap: silence beyond that of an undisturbed reply. busy: the machine meanwhile, with "
        "everything on it:\nnear 100%, gaps are the machine's doing as well."
    )
    if error is not None:
        Console(stderr=True).print(f"parley: {error}", markup=False, soft_wrap=True)
