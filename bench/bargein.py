"""`./run bench bargein`: how soon the agent falls silent when it is interrupted, at the ear.

Replies in real rooms are interrupted by recorded speech at random moments. Everything is judged
on the recording of both sides; the agent's own events say when it decided.
"""

import argparse
import asyncio
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.arguments import positive
from bench.interruptions import (
    DEFAULT_CALLERS,
    DEFAULT_SEED,
    InterruptionsRun,
    Record,
    interruptions,
    to_stderr,
    write_kept,
)
from bench.machine import ForeignLoad, Machine
from bench.percentiles import distribution, percentile
from bench.promise import Promise, print_promises
from caller.recordings import SPEECH
from parley import paths
from parley.arguments import CommandParser
from parley.errors import AudioFileError, ConfigurationError

DEFAULT_INTERRUPTIONS = 200

DECISION_MEDIAN_MS, DECISION_P99_MS = 10.0, 50.0
SILENCE_P50_MS, SILENCE_P95_MS = 200.0, 300.0
YIELDED_SHARE = 0.97
MEASURED_SHARE = 0.2
"""Of the interruptions, at least this share met a reply that was audible when it was decided, over
a transport that stayed the same: only there something can be timed."""
EDGE_SHARE = 0.1
"""Of the interruptions, at least this share fall into the first 300 ms, and as many into the last
200 ms of what is said."""

FIGURES = {
    "onset_to_duck_told_ms": "onset → duck",
    "onset_to_duck_ms": "onset → level 6 dB down, by the sound",
    "onset_to_decision_ms": "onset → decision",
    "onset_to_silence_ms": "onset → silence at the ear",
    "decision_to_silence_at_ear_ms": "decision → silence at the ear",
    "decision_to_silence_ms": "decision → last audible sample",
    "downlink_ms": "downlink",
    "talk_over_ms": "talk-over",
    "residual_dbfs": "level after the cut, dBFS",
}


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    plot = options.plot or paths.state_dir() / "bench" / "bargein.svg"
    try:
        with ForeignLoad() as foreign:
            run = asyncio.run(
                interruptions(
                    options.interruptions,
                    callers=options.callers,
                    clips=options.clips,
                    seed=options.seed,
                    progress=to_stderr,
                )
            )
    except (ConfigurationError, AudioFileError) as error:
        print(f"parley: {error}", file=sys.stderr)
        return 2
    if options.keep is not None:
        write_kept(run, options.keep)
    draw(run.records, plot)
    promises = promises_of(run, options.interruptions)
    document = _document(run, promises, foreign.percent, options, plot)
    if options.json:
        print(json.dumps(document))
    else:
        _print(document, promises)
    return 0 if all(promise.kept for promise in promises) else 1


def promises_of(run: InterruptionsRun, wanted: int) -> list[Promise]:
    """What issue 5 asks of barge-in; what could not be measured is broken."""
    records = run.records
    decided = values(records, "decision_to_silence_ms")
    silent = values(records, "onset_to_silence_ms")
    moments = Counter(record.moment for record in records)
    stale = [record.measured.stale_ms for record in records if record.measured.stale_ms is not None]
    share = sum(record.measured.outcome != "missed" for record in records) / max(len(records), 1)
    edge = EDGE_SHARE * wanted
    error_ms = run.loopback.error_ms if run.loopback is not None else 0.0
    median_ms = percentile(decided, 50)
    return [
        Promise("interruptions", wanted, len(records), at_least=True),
        Promise("in_the_first_300_ms", edge, moments["first 300 ms"], at_least=True),
        Promise("in_the_last_200_ms", edge, moments["last 200 ms"], at_least=True),
        Promise("decisions_measured", MEASURED_SHARE * wanted, len(decided), at_least=True),
        Promise("decision_to_silence_median_ms", DECISION_MEDIAN_MS, median_ms),
        Promise("not_silent_before_the_decision_ms", -error_ms, median_ms, at_least=True),
        Promise("decision_to_silence_p99_ms", DECISION_P99_MS, percentile(decided, 99)),
        Promise("onset_to_silence_p50_ms", SILENCE_P50_MS, percentile(silent, 50)),
        Promise("onset_to_silence_p95_ms", SILENCE_P95_MS, percentile(silent, 95)),
        Promise("replies_with_stale_audio", 0, sum(ms > 0 for ms in stale) if stale else None),
        Promise("yielded_or_ended_share", YIELDED_SHARE, round(share, 4), at_least=True),
    ]


def values(records: Sequence[Record], figure: str) -> list[float]:
    """The figure of every interruption that has it."""
    measured = (getattr(record.measured, figure) for record in records)
    return [float(value) for value in measured if value is not None]


def _document(
    run: InterruptionsRun,
    promises: Sequence[Promise],
    foreign_percent: float,
    options: argparse.Namespace,
    plot: Path,
) -> dict[str, Any]:
    records = run.records
    return {
        "benchmark": "bargein",
        "machine": asdict(Machine.this()),
        "foreign_load_percent": foreign_percent,
        "callers": options.callers,
        "seed": options.seed,
        "interruptions": len(records),
        "moments": Counter(record.moment for record in records),
        "outcomes": Counter(record.measured.outcome for record in records),
        "unsteady_transport": sum(not record.measured.steady for record in records),
        "too_late": run.too_late,
        "not_made_up": run.not_made_up,
        "unanswered": run.unanswered,
        "failed_calls": run.failed_calls,
        "starved_ms": round(run.starved_ms, 1),
        "leading_silence_ms": run.leading_silence_ms,
        "instrument": run.loopback.document() if run.loopback is not None else None,
        "figures": {figure: _distribution(values(records, figure)) for figure in FIGURES},
        "by_moment": {
            moment: _distribution(
                values([r for r in records if r.moment == moment], "onset_to_silence_ms")
            )
            for moment in sorted({record.moment for record in records})
        },
        "stale_ms": _distribution(values(records, "stale_ms")),
        "promises": [promise.document() for promise in promises],
        "plot": str(plot),
        "kept": str(options.keep) if options.keep is not None else None,
    }


def _distribution(measured: Sequence[float]) -> dict[str, float | int | None]:
    named = {"min": 0, "p50": 50, "p90": 90, "p95": 95, "p99": 99, "max": 100}
    return distribution(measured, named)


def _print(document: dict[str, Any], promises: Sequence[Promise]) -> None:
    console, machine = Console(), document["machine"]
    table = Table(title=f"{document['interruptions']} interruptions in real rooms, ms")
    for column in ("", "count", "p50", "p95", "p99", "max"):
        table.add_column(column, justify="left" if not column else "right")
    for figure, name in FIGURES.items():
        found = document["figures"][figure]
        row = [found[key] for key in ("p50", "p95", "p99", "max")]
        cells = ["–" if value is None else f"{value:.1f}" for value in row]
        table.add_row(name, str(found["count"]), *cells)
    console.print(table)
    if (instrument := document["instrument"]) is not None:
        start, stop = instrument["start_path_ms"], instrument["stop_path_ms"]
        console.print(
            f"instrument: a start is heard after {start['p50']} ms ({start['p5']} to "
            f"{start['p95']}), an end after {stop['p50']} ms ({stop['p5']} to {stop['p95']}); "
            f"a single decision → last audible sample is good to ±{instrument['error_ms']} ms"
        )
    console.print(
        f"moments {dict(document['moments'])}; outcomes {dict(document['outcomes'])}; "
        f"transport unsteady at {document['unsteady_transport']}; "
        f"{document['too_late']} missed their reply, not counted; for {document['not_made_up']} of "
        "these no other was tried\n"
        f"{machine['cores']} cores, {machine['processor']}; {document['callers']} callers at once; "
        f"others kept {document['foreign_load_percent']:.0f}% of the machine busy meanwhile\n"
        f"Plot: {document['plot']}"
    )
    print_promises(console, promises)


def draw(records: Sequence[Record], file: Path) -> None:
    """How the two figures of the promises are distributed."""
    import matplotlib as mpl  # noqa: PLC0415 - slow to import, and only this draws

    mpl.use("Agg")
    from matplotlib import pyplot  # noqa: PLC0415

    figure, axes = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")
    panels = (
        ("onset_to_silence_ms", "onset → silence at the ear", (SILENCE_P50_MS, SILENCE_P95_MS)),
        (
            "decision_to_silence_ms",
            "decision → last audible sample",
            (DECISION_MEDIAN_MS, DECISION_P99_MS),
        ),
    )
    for axis, (name, title, limits) in zip(axes, panels, strict=True):
        measured = values(records, name)
        axis.hist(measured or [0.0], bins=40, color="#2f6fde")
        for limit, style in zip(limits, ("--", ":"), strict=True):
            axis.axvline(limit, color="#c0392b", linestyle=style, linewidth=1)
        axis.set_xlabel("ms")
        axis.set_ylabel("interruptions")
        axis.set_title(f"{title} (n = {len(measured)})")
        axis.spines[["top", "right"]].set_visible(False)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file)
    pyplot.close(figure)


def _parser() -> CommandParser:
    parser = CommandParser(prog="./run bench bargein", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document, nothing else")
    parser.add_argument(
        "--interruptions", type=positive, default=DEFAULT_INTERRUPTIONS, metavar="N"
    )
    parser.add_argument(
        "--callers", type=positive, default=DEFAULT_CALLERS, metavar="N", help="calls at once"
    )
    parser.add_argument(
        "--clips",
        type=Path,
        default=SPEECH,
        metavar="DIR",
        help="recorded sentences, whose first words interrupt",
    )
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="of moments and clips")
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="every reply as a stereo FLAC, with its figures"
    )
    parser.add_argument("--plot", type=Path, metavar="FILE", help="where the plot (SVG) goes")
    return parser
