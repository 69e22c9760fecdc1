"""`./run bench asr`: what short context costs Whisper in words, and saves in time.

Each clip is decoded in turn as the worker does it, and by faster-whisper's own `transcribe` with
its full context of 30 s, greedy and with a beam of 5; each ratio of times is taken on one clip.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jiwer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from bench.machine import ForeignLoad, Machine
from bench.promise import Promise, print_promises
from bench.whisper_decodes import FullContext, ShortContext
from caller.plain_words import plain_words
from caller.recordings import NOISES, SPEECH, Clip, read_clips, read_noises
from parley import models
from parley.arguments import CommandParser
from parley.errors import ParleyError

PROMISED_EXTRA_PERCENT = 1.0
DEFAULT_MODEL = "whisper-base"
SHORT, FULL_GREEDY, FULL_BEAM = "short", "full_greedy", "full_beam_5"


@dataclass(frozen=True)
class Accuracy:
    """Of one way of decoding: word errors in percent of the words said, and the time it took."""

    word_error_percent: float
    substitutions: int
    deletions: int
    insertions: int
    decode_s_per_audio_s: float
    cpu_s_per_audio_s: float


@dataclass(frozen=True)
class Decoded:
    """One clip in one way."""

    text: str
    wall_s: float
    cpu_s: float


@dataclass(frozen=True)
class AsrReport:
    """Everything that was measured; `time_ratio` is short over full, the median over the clips."""

    model: str
    threads: int
    clips: list[Clip]
    decoded: dict[str, list[Decoded]]
    noises: dict[str, str]

    def accuracy(self, way: str) -> Accuracy:
        output = jiwer.process_words(
            [plain_words(clip.transcript) for clip in self.clips],
            [plain_words(each.text) for each in self.decoded[way]],
        )
        audio_s = sum(clip.duration_s for clip in self.clips)
        return Accuracy(
            word_error_percent=round(100 * output.wer, 2),
            substitutions=output.substitutions,
            deletions=output.deletions,
            insertions=output.insertions,
            decode_s_per_audio_s=round(sum(d.wall_s for d in self.decoded[way]) / audio_s, 4),
            cpu_s_per_audio_s=round(sum(d.cpu_s for d in self.decoded[way]) / audio_s, 4),
        )

    def time_ratio(self, full: str, value: Callable[[Decoded], float]) -> float:
        pairs = zip(self.decoded[SHORT], self.decoded[full], strict=True)
        return round(statistics.median(value(s) / value(f) for s, f in pairs), 3)

    def promises(self) -> list[Promise]:
        full = min(self.accuracy(way).word_error_percent for way in (FULL_GREEDY, FULL_BEAM))
        words = Promise(
            "words_as_full_context_plus_1_point",
            round(full + PROMISED_EXTRA_PERCENT, 2),
            self.accuracy(SHORT).word_error_percent,
        )
        sentences = sum(bool(text) for text in self.noises.values())
        return [words, Promise("no_sentence_from_noise", 0.0, float(sentences))]


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    try:
        clips, noises = read_clips(options.clips), read_noises(options.noises)
        with ForeignLoad() as foreign:
            report = _measure(options.model, options.threads, clips, noises)
    except ParleyError as error:
        print(f"parley: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(_document(report, foreign.percent)))
    else:
        _print(report, foreign.percent)
    return 0 if all(promise.kept for promise in report.promises()) else 1


def _parser() -> CommandParser:
    parser = CommandParser(prog="./run bench asr", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document, nothing else")
    parser.add_argument(
        "--clips", type=Path, default=SPEECH, metavar="DIR", help="clips with their words"
    )
    parser.add_argument(
        "--noises", type=Path, default=NOISES, metavar="DIR", help="sounds without words"
    )
    parser.add_argument("--model", default=DEFAULT_MODEL, help="a recognition model")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads of one decode")
    return parser


def _measure(model: str, threads: int, clips: list[Clip], noises: list[Clip]) -> AsrReport:
    folder = models.ensure(model)
    short, full = ShortContext(folder, threads), FullContext(folder, threads)
    ways: dict[str, Callable[[Clip], str]] = {
        SHORT: lambda clip: short.hear(clip.samples),
        FULL_GREEDY: lambda clip: full.hear(clip.samples, beam_size=1),
        FULL_BEAM: lambda clip: full.hear(clip.samples, beam_size=5),
    }
    decoded: dict[str, list[Decoded]] = {way: [] for way in ways}
    console = Console(stderr=True)
    for clip in track(clips, "decoding", console=console, disable=not console.is_terminal):
        for way, hear in ways.items():
            decoded[way].append(_timed(hear, clip))
    heard = {noise.name: short.hear(noise.samples) for noise in noises}
    return AsrReport(model, threads, clips, decoded, heard)


def _timed(hear: Callable[[Clip], str], clip: Clip) -> Decoded:
    wall_s, cpu_s = time.monotonic(), time.process_time()
    text = hear(clip)
    return Decoded(text, time.monotonic() - wall_s, time.process_time() - cpu_s)


def _wall_s(decoded: Decoded) -> float:
    return decoded.wall_s


def _cpu_s(decoded: Decoded) -> float:
    return decoded.cpu_s


def _document(report: AsrReport, foreign_percent: float) -> dict[str, Any]:
    return {
        "benchmark": "asr",
        "model": report.model,
        "threads": report.threads,
        "machine": asdict(Machine.this()),
        "foreign_load_percent": foreign_percent,
        "clips": len(report.clips),
        "audio_s": round(sum(clip.duration_s for clip in report.clips), 1),
        "ways": {way: asdict(report.accuracy(way)) for way in report.decoded},
        "decode_time_ratio": {
            way: report.time_ratio(way, _wall_s) for way in (FULL_GREEDY, FULL_BEAM)
        },
        "cpu_time_ratio": {way: report.time_ratio(way, _cpu_s) for way in (FULL_GREEDY, FULL_BEAM)},
        "noises": report.noises,
        "promises": [each.document() for each in report.promises()],
    }


def _print(report: AsrReport, foreign_percent: float) -> None:
    table = Table(title=f"{report.model}: as the worker decodes, against full context")
    for column in ("context", "WER", "wrong", "missing", "extra", "time / audio", "of it"):
        table.add_column(column, justify="right")
    for way in report.decoded:
        accuracy = report.accuracy(way)
        ratio = "" if way == SHORT else f"[bold]{report.time_ratio(way, _wall_s):.2f}[/]"
        table.add_row(
            way.replace("_", " "),
            f"{accuracy.word_error_percent:.2f}%",
            str(accuracy.substitutions),
            str(accuracy.deletions),
            str(accuracy.insertions),
            f"{accuracy.decode_s_per_audio_s:.3f}",
            ratio,
        )
    console, machine = Console(), Machine.this()
    console.print(table)
    console.print(
        f"{machine.cores} cores, {machine.processor}; others kept {foreign_percent:.0f}% of them "
        f"busy meanwhile. {len(report.clips)} clips, {report.threads} threads.\n"
        "of it: the part of that way's time that short context takes, median over the clips."
    )
    print_promises(console, report.promises())
