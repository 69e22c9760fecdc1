"""`./run bench ears`: recognizers beside one another: words, CPU, and text after the end of speech.

Each clip is decoded as the worker does it, and by Whisper with its full context for comparison.
How soon text is there is measured in real time, through the worker's own listener, one caller.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
from rich.console import Console
from rich.table import Table

from bench.arguments import positive
from bench.machine import ForeignLoad, Machine
from bench.sentences import HALVES
from bench.text_after_end import LENGTHS_S, AfterEnd, text_after_end
from bench.whisper_decodes import FullContext, ShortContext
from caller.plain_words import plain_words
from caller.recordings import NOISES, SPEECH, Clip, read_clips, read_noises
from parley import models
from parley.arguments import CommandParser
from parley.errors import ConfigurationError, ParleyError
from workers.engines import create_asr_engine
from workers.engines.asr_engine import Recognizer

MODELS = {"moonshine": "moonshine-base-en", "whisper": "whisper-base"}
FULL = "whisper_full_beam_5"
_SNR_DB = 10.0


@dataclass(frozen=True)
class HeardClip:
    """Of one recognizer: errors in percent of the words said, and the CPU time it took."""

    word_error_percent: float
    substitutions: int
    deletions: int
    insertions: int
    cpu_s_per_audio_s: float
    noises: dict[str, str]
    """What was made of sounds without words."""


Hear = Callable[[Clip], str]


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    try:
        clips = of_half(read_clips(options.clips), options.half)
        noises = read_noises(options.noises)
        with ForeignLoad() as foreign:
            heard, after = _measure(options, clips, noises)
    except ParleyError as error:
        print(f"parley: {error}", file=sys.stderr)
        return 2
    document = {
        "benchmark": "ears",
        "half": options.half,
        "in_noise": options.in_noise,
        "threads": options.threads,
        "machine": asdict(Machine.this()),
        "foreign_load_percent": foreign.percent,
        "clips": len(clips),
        "audio_s": round(sum(clip.duration_s for clip in clips), 1),
        "heard": {name: asdict(each) for name, each in heard.items()},
        "after_end": {name: [asdict(each) for each in them] for name, them in after.items()},
    }
    if options.json:
        print(json.dumps(document))
    else:
        _print(document)
    return 0


def of_half(clips: Sequence[Clip], half: str) -> list[Clip]:
    """Those of the speakers of this half; without a column of speakers they are what a file's
    name begins with. Raises ConfigurationError where none are left."""
    names = {clip.name: clip.speaker or clip.name.partition("-")[0] for clip in clips}
    speakers = set(sorted(set(names.values()))[HALVES[half]])
    chosen = [clip for clip in clips if names[clip.name] in speakers]
    if not chosen:
        raise ConfigurationError(f"no clips are in the half {half!r}: there is one speaker only")
    return chosen


def _measure(
    options: argparse.Namespace, clips: list[Clip], noises: list[Clip]
) -> tuple[dict[str, HeardClip], dict[str, list[AfterEnd]]]:
    heard, after = {}, {}
    told = [in_noise(clip, noises) for clip in clips] if options.in_noise else clips
    for adapter in options.adapters:
        recognizer = _load(adapter, options.threads)
        hear = _as_the_worker(ShortContext(Path(), options.threads, recognizer=recognizer))
        heard[adapter] = _heard(hear, told, noises)
        if options.after:
            after[adapter] = asyncio.run(text_after_end(recognizer, clips, options.after))
    if options.full:
        full = FullContext(models.ensure(MODELS["whisper"]), options.threads)
        heard[FULL] = _heard(lambda clip: full.hear(clip.samples, beam_size=5), told, [])
    return heard, after


def _as_the_worker(decodes: ShortContext) -> Hear:
    return lambda clip: decodes.hear(clip.samples)


def _load(adapter: str, threads: int) -> Recognizer:
    engine = create_asr_engine(adapter, device="cpu", threads=threads)
    return engine.load(MODELS[adapter], models.ensure(MODELS[adapter]))


def _heard(hear: Hear, clips: Sequence[Clip], noises: Sequence[Clip]) -> HeardClip:
    began_s = time.process_time()
    texts = [hear(clip) for clip in clips]
    cpu_s = time.process_time() - began_s
    output = jiwer.process_words(
        [plain_words(clip.transcript) for clip in clips], [plain_words(text) for text in texts]
    )
    return HeardClip(
        word_error_percent=round(100 * output.wer, 2),
        substitutions=output.substitutions,
        deletions=output.deletions,
        insertions=output.insertions,
        cpu_s_per_audio_s=round(cpu_s / sum(clip.duration_s for clip in clips), 4),
        noises={noise.name: hear(noise) for noise in noises},
    )


def in_noise(clip: Clip, noises: Sequence[Clip]) -> Clip:
    """The clip with the longest of the noises behind it."""
    noise = max(noises, key=lambda each: each.duration_s).samples
    behind = np.resize(noise, len(clip.samples))
    powers = (float(np.mean(np.square(each))) for each in (clip.samples, behind))
    level = np.sqrt(next(powers) / next(powers) / 10 ** (_SNR_DB / 10))
    mixed = (clip.samples + level * behind).astype(np.float32)
    return Clip(clip.name, mixed, clip.transcript, clip.speaker)


def _parser() -> CommandParser:
    parser = CommandParser(prog="./run bench ears", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document, nothing else")
    parser.add_argument(
        "--adapters",
        nargs="+",
        choices=list(MODELS),
        default=list(MODELS),
        metavar="NAME",
        help="engines to compare, of moonshine and whisper",
    )
    parser.add_argument(
        "--clips", type=Path, default=SPEECH, metavar="DIR", help="clips with their words"
    )
    parser.add_argument(
        "--noises", type=Path, default=NOISES, metavar="DIR", help="sounds without words"
    )
    parser.add_argument("--half", choices=list(HALVES), default="reported", help="of the speakers")
    parser.add_argument(
        "--in-noise", action="store_true", help="with the longest noise behind, 10 dB lower"
    )
    parser.add_argument("--full", action="store_true", help="Whisper in full context as well")
    parser.add_argument(
        "--after",
        type=int,
        default=3,
        metavar="N",
        help=f"utterances of each of {LENGTHS_S} s spoken in real time; 0: none",
    )
    parser.add_argument("--threads", type=positive, default=1, help="CPU threads of one decode")
    return parser


def _print(document: dict[str, Any]) -> None:
    table = Table(title=f"{document['clips']} clips, half: {document['half']}")
    lengths = [f"{length:g} s" for length in LENGTHS_S] if document["after_end"] else []
    for column in ("recognizer", "WER", "wrong", "missing", "extra", "CPU / audio", *lengths):
        table.add_column(column, justify="right")
    for name, heard in document["heard"].items():
        after = document["after_end"].get(name, [])
        table.add_row(
            name,
            f"{heard['word_error_percent']:.2f}%",
            str(heard["substitutions"]),
            str(heard["deletions"]),
            str(heard["insertions"]),
            f"{heard['cpu_s_per_audio_s']:.3f}",
            *(_median(after, length) for length in LENGTHS_S if after),
        )
    console, machine = Console(), Machine.this()
    console.print(table)
    console.print(
        f"{machine.cores} cores, {machine.processor}; others kept "
        f"{document['foreign_load_percent']:.0f}% of them busy meanwhile; {document['threads']} "
        "threads.\nUnder each length: median ms from the pause being noticed to the text, and "
        "from the end of the sound."
    )


def _median(after: Sequence[dict[str, Any]], length_s: float) -> str:
    of_length = [each for each in after if each["length_s"] == length_s]
    if not of_length:
        return "-"
    decode, whole = (
        statistics.median(each[name] for each in of_length) for name in ("decode_ms", "after_ms")
    )
    return f"{decode:.0f} / {whole:.0f}"
