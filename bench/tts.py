"""`./run bench tts`: how much sooner Piper is heard in stages, and what that costs.

Staged and full graph speak in turn in one process, so that whatever else the machine does falls
on both; each ratio is taken within a pair.
"""

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.machine import ForeignLoad, Machine
from bench.promise import Promise, print_promises
from parley import models, paths
from parley.arguments import CommandParser
from parley.errors import ParleyError

PROMISED_RATIO = 4.0
PROMISED_WORDS = 20
DEFAULT_VOICE = "piper-en-us-joe-medium"
DEFAULT_PAIRS = 15

Pair = dict[str, Any]


class BenchmarkError(ParleyError):
    """A benchmark that could not measure."""


@dataclass(frozen=True)
class Ratio:
    """Median over the pairs, and the range of their middle half."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, ratios: Sequence[float]) -> "Ratio":
        low, median, high = statistics.quantiles(ratios, n=4, method="inclusive")
        return cls(round(median, 2), round(low, 2), round(high, 2))


@dataclass(frozen=True)
class Medians:
    """Of one kind of run, over the pairs; `late_chunks` is a sum."""

    first_audio_ms: float
    total_ms: float
    cpu_ms_per_audio_s: float
    audio_s: float
    late_chunks: int

    @classmethod
    def of(cls, runs: Sequence[dict[str, Any]]) -> "Medians":
        def median(value: Callable[[dict[str, Any]], float], digits: int = 1) -> float:
            return round(statistics.median(map(value, runs)), digits)

        return cls(
            first_audio_ms=median(lambda run: run["first_audio_ms"]),
            total_ms=median(lambda run: run["total_ms"]),
            cpu_ms_per_audio_s=median(lambda run: run["cpu_ms"] / run["audio_s"]),
            audio_s=median(lambda run: run["audio_s"], 2),
            late_chunks=sum(run["late_chunks"] for run in runs),
        )


@dataclass(frozen=True)
class Result:
    """One sentence at one number of streams. Ratios above 1: staged is sooner, costs more."""

    sentence: str
    words: int
    streams: int
    pairs: int
    staged: Medians
    full: Medians
    sooner: Ratio
    cpu: Ratio

    @classmethod
    def of(cls, pairs: Sequence[Pair]) -> "Result":
        sooner = [p["full"]["first_audio_ms"] / p["staged"]["first_audio_ms"] for p in pairs]
        cpu = [_cpu_per_audio(p["staged"]) / _cpu_per_audio(p["full"]) for p in pairs]
        first = pairs[0]
        return cls(
            sentence=first["sentence"],
            words=first["words"],
            streams=first["streams"],
            pairs=len(pairs),
            staged=Medians.of([p["staged"] for p in pairs]),
            full=Medians.of([p["full"] for p in pairs]),
            sooner=Ratio.of(sooner),
            cpu=Ratio.of(cpu),
        )


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    models.ensure(options.voice)
    with ForeignLoad() as foreign:
        results = _measure(options.voice, options.pairs)
    promise = _promise(results)
    plot = options.plot or paths.state_dir() / "bench" / "tts.png"
    draw(results, plot)
    if options.json:
        print(json.dumps(_document(options.voice, results, promise, foreign.percent, plot)))
    else:
        _print(options.voice, results, promise, foreign.percent, plot)
    return 0 if promise.kept else 1


def _parser() -> CommandParser:
    parser = CommandParser(prog="./run bench tts", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document, nothing else")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="where the plot goes")
    parser.add_argument("--pairs", type=_pairs, default=DEFAULT_PAIRS, help="runs of each kind")
    parser.add_argument("--voice", default=DEFAULT_VOICE, help="a Piper voice")
    return parser


def _pairs(text: str) -> int:
    if not text.isdigit() or int(text) < 2:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 2")
    return int(text)


def _measure(voice: str, pairs: int) -> list[Result]:
    """Piper is under the GPL and stays in a process of its own."""
    command = [sys.executable, "-m", "bench.tts_streams", voice, str(pairs)]
    groups: dict[tuple[str, int], list[Pair]] = {}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=paths.repository()
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            pair = json.loads(line)
            group = groups.setdefault((pair["sentence"], pair["streams"]), [])
            group.append(pair)
            if len(group) == pairs:
                streams = f"{pair['streams']} stream{'s' * (pair['streams'] > 1)}"
                print(f"measured {pair['words']} words, {streams}", file=sys.stderr)
    if process.returncode or not groups:
        raise BenchmarkError(f"measuring ended with status {process.returncode}")
    return [Result.of(group) for group in groups.values()]


def _promise(results: Sequence[Result]) -> Promise:
    (result,) = (r for r in results if r.words == PROMISED_WORDS and r.streams == 1)
    name, measured = "staged_sooner_20_words_1_stream", result.sooner.median
    return Promise(name, PROMISED_RATIO, measured, at_least=True)


def _cpu_per_audio(run: dict[str, Any]) -> float:
    return float(run["cpu_ms"] / run["audio_s"])


def _document(
    voice: str, results: Sequence[Result], promise: Promise, foreign_percent: float, plot: Path
) -> dict[str, Any]:
    return {
        "benchmark": "tts",
        "voice": voice,
        "threads_per_stream": 1,
        "machine": asdict(Machine.this()),
        "foreign_load_percent": foreign_percent,
        "results": [asdict(result) for result in results],
        "promises": [promise.document()],
        "plot": str(plot),
    }


def _print(
    voice: str, results: Sequence[Result], promise: Promise, foreign_percent: float, plot: Path
) -> None:
    table = Table(title=f"{voice}: staged against full graph, one thread per stream")
    for column in ("words", "streams", "first audio: full", "staged", "sooner", "CPU", "late"):
        table.add_column(column, justify="right")
    for result in results:
        sooner = result.sooner
        table.add_row(
            str(result.words),
            str(result.streams),
            f"{result.full.first_audio_ms:.0f} ms",
            f"{result.staged.first_audio_ms:.0f} ms",
            f"[bold]{sooner.median:.1f}×[/] ({sooner.low:.1f}–{sooner.high:.1f})",
            f"{result.cpu.median:.2f}×",
            str(result.staged.late_chunks),
        )
    console, machine = Console(), Machine.this()
    console.print(table)
    console.print(
        f"{machine.cores} cores, {machine.processor}; others kept {foreign_percent:.0f}% of them "
        f"busy meanwhile. Medians of {results[0].pairs} pairs (middle half in brackets).\n"
        f"late: chunks that came after the audio before them had ended. Plot: {plot}"
    )
    print_promises(console, [promise])


def draw(results: Sequence[Result], file: Path) -> None:
    """A plot of the times to first audio, each with its ratio."""
    import matplotlib as mpl  # noqa: PLC0415 - slow to import, and only this draws

    mpl.use("Agg")
    from matplotlib import pyplot  # noqa: PLC0415

    figure, axes = pyplot.subplots(figsize=(8, 4.5), layout="constrained")
    for offset, kind, color in ((-0.2, "full", "#b0b7c3"), (0.2, "staged", "#2f6fde")):
        heights = [getattr(result, kind).first_audio_ms for result in results]
        places = [index + offset for index in range(len(results))]
        bars = axes.bar(places, heights, 0.38, label=kind, color=color)
        if kind == "staged":
            labels = [f"{result.sooner.median:.1f}× sooner" for result in results]
            axes.bar_label(bars, labels, padding=3, fontsize=9)
    names = [f"{r.words} words\n{r.streams} stream{'s' * (r.streams > 1)}" for r in results]
    axes.set_xticks(range(len(results)), names)
    axes.set_ylabel("time to first audio, ms")
    axes.set_title("Piper in three stages against its full graph, one thread per stream")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=150)
    pyplot.close(figure)
