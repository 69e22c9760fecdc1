"""`./run bench sentences`: whether both sentences of two people in one recording are heard.

Sentences of different speakers are put behind one another with a pause between them, and decoded
as the worker does it: once as Whisper ends it by itself, once going on where it left something
out and trying again where it is unsure. A sentence is lost when less than a fourth of its words
are heard.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path

import jiwer
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from bench.machine import ForeignLoad, Machine
from bench.promise import Promise, print_promises
from bench.whisper_decodes import ShortContext
from caller.plain_words import plain_words
from caller.recordings import SAMPLE_RATE_HZ, SPEECH, Clip, read_clips
from parley import models
from parley.arguments import CommandParser
from parley.errors import ConfigurationError, ParleyError
from workers.engines.asr_engine import DecodeRequest, Draft
from workers.engines.whisper.recognizer import WhisperRecognizer

PAUSES_S = (0.1, 0.25, 0.5, 1.0)
HALVES = {"tuning": slice(0, None, 2), "reported": slice(1, None, 2), "all": slice(None)}
"""Of the speakers in order of their names: rules are found on one half, told of the other."""
LEAST_HEARD = 0.25
PROMISED_LOST_PERCENT = 1.0


@dataclass(frozen=True)
class HeardPair:
    """All pairs in one way of decoding; `attempts` beyond the first of each segment."""

    lost_sentences: int
    word_error_percent: float
    segments: int
    attempts: int
    cpu_s_per_audio_s: float


class Counted(WhisperRecognizer):
    """Counts decodes. `ends_early`: nothing is gone on with and nothing tried again for doubt."""

    def __init__(self, folder: Path, *, threads: int, ends_early: bool) -> None:
        super().__init__(folder, threads=threads)
        self._ends_early = ends_early
        self.segments = self.further_attempts = 0

    def decode(
        self,
        requests: Sequence[DecodeRequest],
        *,
        attempt: int = 0,
        abandoned: Callable[[], bool] = lambda: False,
    ) -> list[Draft]:
        self.segments += not attempt
        self.further_attempts += attempt > 0
        if not self._ends_early:
            return super().decode(requests, attempt=attempt, abandoned=abandoned)
        ending = [replace(each, voiced_until_s=0.0) for each in requests]
        drafts = super().decode(ending, attempt=attempt, abandoned=abandoned)
        return [replace(draft, unsure=False) for draft in drafts]


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    try:
        pairs = pairs_of(read_clips(options.clips), options.half, options.pairs)
        folder = models.ensure(options.model)
        with ForeignLoad() as foreign:
            ways = {
                name: _heard(pairs, folder, options.threads, ends_early=early)
                for name, early in (("ended_by_whisper", True), ("gone_on", False))
            }
    except ParleyError as error:
        print(f"parley: {error}", file=sys.stderr)
        return 2
    lost_percent = 50 * ways["gone_on"].lost_sentences / len(pairs)
    promise = Promise("few_sentences_lost", PROMISED_LOST_PERCENT, round(lost_percent, 2))
    if options.json:
        document = {
            "benchmark": "sentences",
            "model": options.model,
            "threads": options.threads,
            "half": options.half,
            "pairs": len(pairs),
            "machine": asdict(Machine.this()),
            "foreign_load_percent": foreign.percent,
            "ways": {name: asdict(heard) for name, heard in ways.items()},
            "promises": [promise.document()],
        }
        print(json.dumps(document))
    else:
        _print(ways, len(pairs), options.half, promise)
    return 0 if promise.kept else 1


def pairs_of(clips: Sequence[Clip], half: str, count: int) -> list[tuple[Clip, Clip]]:
    """Raises ConfigurationError where the speakers are not known, or too few."""
    speakers = set(sorted({clip.speaker for clip in clips if clip.speaker})[HALVES[half]])
    own = [clip for clip in clips if clip.speaker in speakers]
    pairs = [(a, b) for a, b in product(own, own) if a.speaker != b.speaker]
    if not pairs:
        raise ConfigurationError(
            "the clips have not two speakers in this half: name them in transcripts.tsv"
        )
    order = np.random.default_rng(1).permutation(len(pairs))
    return [pairs[number] for number in order[:count]]


def _heard(
    pairs: Sequence[tuple[Clip, Clip]], folder: Path, threads: int, *, ends_early: bool
) -> HeardPair:
    recognizer = Counted(folder, threads=threads, ends_early=ends_early)
    context = ShortContext(folder, threads, recognizer=recognizer)
    console = Console(stderr=True)
    said, heard, lost, audio_s, began_s = [], [], 0, 0.0, time.process_time()
    bar = track(pairs, "decoding", console=console, disable=not console.is_terminal)
    for number, (one, other) in enumerate(bar):
        pause_s = PAUSES_S[number % len(PAUSES_S)]
        pause = np.zeros(round(pause_s * SAMPLE_RATE_HZ), np.float32)
        sound = np.concatenate([one.samples, pause, other.samples])
        sentences = [plain_words(clip.transcript) for clip in (one, other)]
        said.append(" ".join(sentences))
        heard.append(plain_words(context.hear(sound)))
        lost += lost_sentences(sentences, heard[-1])
        audio_s += len(sound) / SAMPLE_RATE_HZ
    cpu_s = time.process_time() - began_s
    return HeardPair(
        lost,
        round(100 * float(jiwer.wer(said, heard)), 2),
        recognizer.segments,
        recognizer.further_attempts,
        round(cpu_s / audio_s, 4),
    )


def lost_sentences(sentences: Sequence[str], heard: str) -> int:
    """How many of the sentences, which were said in this order, have too few of their words in
    what was heard. All are plain words."""
    lengths = [len(sentence.split()) for sentence in sentences]
    is_heard = np.zeros(sum(lengths))
    for chunk in jiwer.process_words(" ".join(sentences), heard).alignments[0]:
        if chunk.type == "equal":
            is_heard[chunk.ref_start_idx : chunk.ref_end_idx] = 1
    parts = np.split(is_heard, np.cumsum(lengths)[:-1])
    return sum(bool(part.mean() < LEAST_HEARD) for part in parts)


def _print(ways: dict[str, HeardPair], pairs: int, half: str, promise: Promise) -> None:
    table = Table(title=f"{pairs} pairs of sentences, speakers: {half}")
    for column in ("decode", "lost sentences", "WER", "segments", "further attempts", "CPU / s"):
        table.add_column(column, justify="right")
    for name, heard in ways.items():
        table.add_row(
            name.replace("_", " "),
            str(heard.lost_sentences),
            f"{heard.word_error_percent:.2f}%",
            str(heard.segments),
            str(heard.attempts),
            f"{heard.cpu_s_per_audio_s:.3f}",
        )
    console = Console()
    console.print(table)
    print_promises(console, [promise])


def _parser() -> CommandParser:
    parser = CommandParser(prog="./run bench sentences", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document, nothing else")
    parser.add_argument(
        "--clips", type=Path, default=SPEECH, metavar="DIR", help="clips with words and speakers"
    )
    parser.add_argument("--half", choices=list(HALVES), default="reported", help="of the speakers")
    parser.add_argument("--pairs", type=int, default=100, help="at most so many")
    parser.add_argument("--model", default="whisper-base", help="a recognition model")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads of one decode")
    return parser
