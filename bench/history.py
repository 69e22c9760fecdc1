"""`./run bench history`: what the agent remembers of an interrupted reply, against what was heard.

Of every interrupted reply the last word kept in the history is compared with the last word that
recognition finds in the recorded sound, both placed on the known script: recognition's mistakes
before the end do not count. One recognizer, fixed beforehand, hears all of them: which of several
is right cannot be told by the answer that is hoped for.
"""

import argparse
import asyncio
import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from rich.console import Console

from bench.arguments import positive
from bench.interruptions import (
    DEFAULT_CALLERS,
    DEFAULT_SEED,
    KEPT_FILE,
    interruptions,
    to_stderr,
    write_kept,
)
from bench.machine import ForeignLoad, Machine
from bench.promise import Promise, print_promises
from bench.whisper_decodes import FullContext
from caller.heard_words import heard_until
from caller.plain_words import plain_words
from caller.recordings import SPEECH
from parley import models, paths
from parley.arguments import CommandParser
from parley.audio import Audio
from parley.errors import AudioFileError, ConfigurationError
from workers.engines.tts_engine import FloatSamples

DEFAULT_INTERRUPTIONS = 110
"""Some replies end before the agent has to give way: over 100 are left."""
OVER = 100
MOST_WORDS = 1
MODEL, THREADS, RECOGNISED_HZ = "whisper-base", 2, 16_000
PAD_S = 0.5
"""Silence after a cut, before recognition: it expects speech to end."""

Recognize = Callable[[FloatSamples, str], str]
"""Recognizes samples at RECOGNISED_HZ in which a script's beginning is said."""


@dataclass(frozen=True)
class Remembered:
    """One interrupted reply. Words count from the script's beginning."""

    file: str
    moment: str
    script: str
    kept: str
    """The reply as the history has it."""
    recognized: str
    kept_words: int
    heard_words: int
    shown_to_model: bool
    """Whether the model was later shown exactly this (the last of a call it is not shown)."""

    @property
    def difference(self) -> int:
        """Above 0: the history has words that were not heard."""
        return self.kept_words - self.heard_words


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    folder = options.source or options.keep or paths.state_dir() / "bench" / "history"
    try:
        with ForeignLoad() as foreign:
            remembered = _run(options, folder)
    except (ConfigurationError, AudioFileError) as error:
        print(f"parley: {error}", file=sys.stderr)
        return 2
    promises = promises_of(remembered, over=min(OVER, options.interruptions))
    plot = options.plot or paths.state_dir() / "bench" / "history.svg"
    draw(remembered, plot)
    if options.json:
        print(json.dumps(_document(remembered, promises, foreign.percent, folder, plot)))
    else:
        _print(remembered, promises, foreign.percent, folder, plot)
    return 0 if all(promise.kept for promise in promises) else 1


def promises_of(remembered: Sequence[Remembered], *, over: int) -> list[Promise]:
    off = [abs(each.difference) for each in remembered]
    return [
        Promise("interrupted_replies", over, len(off), at_least=True),
        Promise("words_off_at_the_cut_at_most", MOST_WORDS, max(off) if off else None),
    ]


def _run(options: argparse.Namespace, folder: Path) -> list[Remembered]:
    if options.source is None:
        run = asyncio.run(
            interruptions(
                options.interruptions,
                callers=options.callers,
                clips=options.clips,
                seed=options.seed,
                progress=to_stderr,
            )
        )
        write_kept(run, folder)
    kept = _read(folder)
    to_stderr("recognizing what was heard")
    recognize = _recognizer()
    asked = set(kept["asked"])
    return [
        _remembered(row, folder, recognize, asked)
        for row in kept["interruptions"]
        if row["measured"]["heard"] is not None
    ]


def _recognizer() -> Recognize:
    """Full context, a beam of 5, and a hint of the script's words in alphabetical order: half a
    second of sound is too little without, and they say nothing of where the sound ends."""
    full = FullContext(models.ensure(MODEL), THREADS)
    return lambda samples, script: full.hear(samples, beam_size=5, words=_vocabulary(script))


def _vocabulary(script: str) -> str:
    return f"Words: {', '.join(sorted(set(plain_words(script).split())))}."


def _read(folder: Path) -> dict[str, Any]:
    try:
        kept: dict[str, Any] = json.loads((folder / KEPT_FILE).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(
            f"{folder / KEPT_FILE}: {error.strerror}; ./run bench bargein --keep DIR writes it"
        ) from None
    return kept


def _remembered(
    row: dict[str, Any], folder: Path, recognize: Recognize, asked: set[str]
) -> Remembered:
    both, rate = soundfile.read(folder / row["file"], dtype="int16")
    padded = np.concatenate([both[:, 1], np.zeros(round(PAD_S * rate), dtype=np.int16)])
    sound = Audio(padded, rate).resampled(RECOGNISED_HZ).samples
    text = recognize(sound.astype(np.float32) / np.float32(32768), row["script"])
    kept = row["measured"]["heard"]
    return Remembered(
        file=row["file"],
        moment=row["moment"],
        script=row["script"],
        kept=kept,
        recognized=text,
        kept_words=heard_until(row["script"], kept),
        heard_words=heard_until(row["script"], text),
        shown_to_model=kept in asked,
    )


def _document(
    remembered: Sequence[Remembered],
    promises: Sequence[Promise],
    foreign_percent: float,
    folder: Path,
    plot: Path,
) -> dict[str, Any]:
    return {
        "benchmark": "history",
        "machine": asdict(Machine.this()),
        "foreign_load_percent": foreign_percent,
        "interrupted_replies": len(remembered),
        "recognizer": f"{MODEL}, full context, a beam of 5, the script's words as a hint",
        "within_a_word_share": _within_a_word(remembered),
        "words_off": {str(off): count for off, count in _distribution(remembered).items()},
        "shown_to_model": sum(each.shown_to_model for each in remembered),
        "farther_off": [
            {**asdict(each), "difference": each.difference}
            for each in remembered
            if abs(each.difference) > MOST_WORDS
        ],
        "promises": [promise.document() for promise in promises],
        "recordings": str(folder),
        "plot": str(plot),
    }


def _within_a_word(remembered: Sequence[Remembered]) -> float | None:
    near = sum(abs(each.difference) <= MOST_WORDS for each in remembered)
    return round(near / len(remembered), 3) if remembered else None


def _distribution(remembered: Sequence[Remembered]) -> dict[int, int]:
    return dict(sorted(Counter(each.difference for each in remembered).items()))


def _print(
    remembered: Sequence[Remembered],
    promises: Sequence[Promise],
    foreign_percent: float,
    folder: Path,
    plot: Path,
) -> None:
    console, machine = Console(highlight=False), Machine.this()
    console.print("words kept in the history beyond those heard, at the cut:")
    for off, count in _distribution(remembered).items():
        console.print(f"  {off:+d}  {count:4d}  {'█' * max(1, 50 * count // len(remembered))}")
    for each in remembered:
        if abs(each.difference) > MOST_WORDS:
            console.print(
                f"{each.file} ({each.moment}): kept {each.kept!r}, recognized {each.recognized!r}",
                markup=False,
            )
    console.print(
        f"{machine.cores} cores, {machine.processor}; others kept {foreign_percent:.0f}% of them "
        f"busy meanwhile\nRecordings: {folder}\nPlot: {plot}"
    )
    print_promises(console, promises)


def draw(remembered: Sequence[Remembered], file: Path) -> None:
    """How far the history is off, in words."""
    import matplotlib as mpl  # noqa: PLC0415 - slow to import, and only this draws

    mpl.use("Agg")
    from matplotlib import pyplot  # noqa: PLC0415

    figure, axis = pyplot.subplots(figsize=(6, 4), layout="constrained")
    found = _distribution(remembered)
    axis.bar([str(off) for off in found], list(found.values()), color="#2f6fde")
    axis.set_xlabel("words kept beyond those heard")
    axis.set_ylabel("interrupted replies")
    axis.set_title(f"History against hearing (n = {len(remembered)})")
    axis.spines[["top", "right"]].set_visible(False)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file)
    pyplot.close(figure)


def _parser() -> CommandParser:
    parser = CommandParser(prog="./run bench history", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document, nothing else")
    parser.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="DIR",
        help="judge what `bench bargein --keep DIR` kept, in place of a run of its own",
    )
    parser.add_argument(
        "--interruptions", type=positive, default=DEFAULT_INTERRUPTIONS, metavar="N"
    )
    parser.add_argument(
        "--callers", type=positive, default=DEFAULT_CALLERS, metavar="N", help="calls at once"
    )
    parser.add_argument(
        "--clips", type=Path, default=SPEECH, metavar="DIR", help="recorded sentences"
    )
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="of moments and clips")
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="where the replies go; default: the state folder"
    )
    parser.add_argument("--plot", type=Path, metavar="FILE", help="where the plot (SVG) goes")
    return parser
