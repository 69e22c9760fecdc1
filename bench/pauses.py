"""`./run bench pauses`: whether the agent speaks into the pauses of a sentence, and how soon it
answers when there are none.

Recorded sentences are parted where their speaker paused, and spoken with longer pauses there, in
a real room. The model answers at once: nothing hides an answer that comes too soon.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.arguments import add_settings, positive, settings_of
from bench.interruptions import to_stderr
from bench.machine import ForeignLoad, Machine
from bench.paused_sentences import PauseTrial, heard_out, parted_sentences, speak_with_pause
from bench.percentiles import percentile
from bench.promise import Promise, print_promises
from caller.client import join
from caller.errors import CallError
from caller.recordings import SPEECH
from parley.arguments import CommandParser
from parley.errors import AudioFileError, ConfigurationError
from parley.settings import OrchestratorSettings
from testkit.isolated_instance import running
from testkit.told_scripts import ToldScripts

PAUSES_S = (0.0, 0.3, 0.6, 1.0, 1.6)
SHORT_PAUSE_S = 0.6
"""Up to here a speaker takes a breath or looks for a word: few are to be talked over."""
TALKED_OVER = 0.25
ANSWERED = 0.97
ASKED = 0.7
"""Of the letters that a sentence without a pause is spelled with: in parts it is recognized
differently. Half a sentence has fewer."""
DEFAULT_SENTENCES = 8


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    try:
        with ForeignLoad() as foreign:
            trials = asyncio.run(_run(options))
    except (ConfigurationError, AudioFileError, CallError) as error:
        print(f"parley: {error}", file=sys.stderr)
        return 2
    promises = promises_of(trials)
    if options.json:
        print(json.dumps(_document(trials, promises, foreign.percent)))
    else:
        _print(trials, promises, foreign.percent)
    return 0 if all(promise.kept for promise in promises) else 1


def promises_of(trials: Sequence[PauseTrial]) -> list[Promise]:
    """Short pauses are left alone, and everything is answered in the end."""
    brief = [t for t in trials if t.pause_s is not None and 0 < t.pause_s <= SHORT_PAUSE_S]
    answered = sum(trial.response_ms is not None for trial in trials)
    return [
        Promise("short_pauses_talked_over_share", TALKED_OVER, _talked_over_share(brief)),
        Promise(
            "answered_share",
            ANSWERED,
            round(answered / len(trials), 3) if trials else None,
            at_least=True,
        ),
        Promise("asked_share", ASKED, _asked_share(trials), at_least=True),
    ]


def _asked_share(trials: Sequence[PauseTrial]) -> float | None:
    """The worst sentence: what the model was asked of it with a pause, to without. Where the agent
    was heard in between, the question is in two parts and is not judged."""
    whole = {trial.name: trial.letters_asked for trial in trials if trial.pause_s == 0}
    shares = [
        trial.letters_asked / whole[trial.name]
        for trial in trials
        if trial.pause_s and not trial.talked_over_ms and whole.get(trial.name)
    ]
    return round(min(shares), 3) if shares else None


def _talked_over_share(trials: Sequence[PauseTrial]) -> float | None:
    over = sum(trial.talked_over_ms > 0 for trial in trials)
    return round(over / len(trials), 3) if trials else None


async def _run(options: argparse.Namespace) -> list[PauseTrial]:
    sentences = list(parted_sentences(options.clips))
    if not sentences:
        raise ConfigurationError(
            f"{options.clips} holds no WAV or FLAC of a sentence with a pause in it: "
            "name with --clips DIR a folder of recorded sentences"
        )
    chosen = sentences[:: max(1, len(sentences) // options.sentences)][: options.sentences]
    plan = [(halves, pause_s) for pause_s in (*PAUSES_S, None) for halves in chosen]
    changes = settings_of(options.set)
    model, trials = ToldScripts(), list[PauseTrial]()
    unfinished_wait_s = OrchestratorSettings().turn.endpointing_max_delay_s
    async with (
        model.serving() as url,
        running(
            llm_url=url,
            unfinished_wait_s=unfinished_wait_s,
            orchestrator=changes.get("orchestrator"),
            worker=changes.get("worker"),
        ) as parley,
        join(parley.access()) as client,
    ):
        await client.wait_for_agent()
        await heard_out(client)
        for halves, pause_s in plan:
            trials.append(await speak_with_pause(client, model, halves, pause_s))
            to_stderr(f"{len(trials)} of {len(plan)}")
    return trials


def _rows(trials: Sequence[PauseTrial]) -> list[dict[str, Any]]:
    rows = []
    for pause_s in (*PAUSES_S, None):
        of_pause = [trial for trial in trials if trial.pause_s == pause_s]
        responses = [t.response_ms for t in of_pause if t.response_ms is not None]
        over = [t.talked_over_ms for t in of_pause if t.talked_over_ms > 0]
        rows.append(
            {
                "pause_s": pause_s,
                "sentences": len(of_pause),
                "talked_over": len(over),
                "talked_over_ms_p50": percentile(over, 50),
                "talked_over_ms_max": percentile(over, 100),
                "answered": len(responses),
                "response_ms_p50": percentile(responses, 50),
                "response_ms_p95": percentile(responses, 95),
            }
        )
    return rows


def _document(
    trials: Sequence[PauseTrial], promises: Sequence[Promise], foreign_percent: float
) -> dict[str, Any]:
    return {
        "benchmark": "pauses",
        "machine": asdict(Machine.this()),
        "foreign_load_percent": foreign_percent,
        "pauses": _rows(trials),
        "trials": [asdict(trial) for trial in trials],
        "promises": [promise.document() for promise in promises],
    }


def _print(
    trials: Sequence[PauseTrial], promises: Sequence[Promise], foreign_percent: float
) -> None:
    console, machine = Console(), Machine.this()
    table = Table(title="sentences with a pause in the middle")
    table.add_column("pause")
    for column in ("all", "talked over", "for ms, p50", "max", "answered", "after ms, p50", "p95"):
        table.add_column(column, justify="right")
    for row in _rows(trials):
        pause_s, *cells = row.values()
        name = "never goes on" if pause_s is None else f"{pause_s:g} s"
        table.add_row(name, *("–" if cell is None else f"{cell:g}" for cell in cells))
    console.print(table)
    console.print(
        f"{machine.cores} cores, {machine.processor}; others kept {foreign_percent:.0f}% of them "
        "busy meanwhile"
    )
    print_promises(console, promises)


def _parser() -> CommandParser:
    parser = CommandParser(prog="./run bench pauses", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document, nothing else")
    parser.add_argument(
        "--clips", type=Path, default=SPEECH, metavar="DIR", help="recorded sentences"
    )
    parser.add_argument(
        "--sentences",
        type=positive,
        default=DEFAULT_SENTENCES,
        metavar="N",
        help="so many at most, spread over the folder",
    )
    add_settings(parser)
    return parser
