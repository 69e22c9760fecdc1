"""What was lost, repeated or held up in a reply: judged on its sound, against undisturbed ones."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import jiwer
import numpy as np

from bench.whisper_decodes import FullContext, ShortContext
from caller.measure import AUDIBLE_DBFS, WINDOW_S, window_levels_dbfs
from caller.plain_words import plain_words
from parley.audio import Audio
from workers.engines.tts_engine import FloatSamples

RECOGNISED_HZ = 16_000
SHORTEST_PAUSE_S = 0.08
"""Silences below this are the closures of consonants."""
MOST_CHANGED = 2
NEARBY = 5
"""Words: as far back as an utterance is taken up again."""
UNMATCHED_COST_S = 0.4
"""Pauses of two replies that lie further apart than twice this are not the same pause."""


@dataclass(frozen=True)
class ReplyPause:
    """A silence in a reply; `at_s` counts only what sounds before it."""

    at_s: float
    length_s: float
    ended_s: float
    """Since the reply's first sound."""


@dataclass(frozen=True)
class PlacedErrors:
    """Against a script, by place in it: words that are missing, and words heard as others; and how
    many words came again.

    Of several ways to recognize the same sound, what all of them got wrong is an error (`&`).
    """

    lost: frozenset[int] = frozenset()
    changed: frozenset[int] = frozenset()
    repeated: int = 0

    def __and__(self, other: "PlacedErrors") -> "PlacedErrors":
        near = {place + by for place in other.lost for by in (-1, 0, 1)}  # "and and" has no order
        return PlacedErrors(
            self.lost & near,
            self.changed & other.changed,
            min(self.repeated, other.repeated),
        )

    def __bool__(self) -> bool:
        return bool(self.lost or self.changed or self.repeated)


def placed_errors(script: str, heard: str) -> PlacedErrors:
    """What is wrong in `heard`, both in plain words.

    A word too many counts as said again where the script has it nearby; any other is one that
    recognition made up.
    """
    words = script.split()
    if not heard:
        return PlacedErrors(frozenset(range(len(words))))
    output = jiwer.process_words(script, heard)
    lost: set[int] = set()
    changed: set[int] = set()
    repeated = 0
    for chunk in output.alignments[0]:
        places = range(chunk.ref_start_idx, chunk.ref_end_idx)
        if chunk.type == "delete":
            lost.update(places)
        elif chunk.type == "substitute":
            # A voice does not make others of so many words in a row: something else was said.
            (changed if len(places) <= MOST_CHANGED else lost).update(places)
        elif chunk.type == "insert":
            near = words[max(0, chunk.ref_start_idx - NEARBY) : chunk.ref_start_idx + NEARBY]
            extra = output.hypotheses[0][chunk.hyp_start_idx : chunk.hyp_end_idx]
            repeated += sum(word in near for word in extra)
    return PlacedErrors(frozenset(lost), frozenset(changed), repeated)


def pauses(audio: Audio) -> tuple[ReplyPause, ...]:
    """The silences between the first and the last audible sound."""
    audible = window_levels_dbfs(audio.samples, audio.sample_rate_hz) >= AUDIBLE_DBFS
    places = np.flatnonzero(audible)
    found = []
    for sounded, (before, after) in enumerate(itertools.pairwise(places), start=1):
        length_s = float(after - before - 1) * WINDOW_S
        if length_s >= SHORTEST_PAUSE_S:
            found.append(
                ReplyPause(sounded * WINDOW_S, length_s, float(after - places[0]) * WINDOW_S)
            )
    return tuple(found)


def longest_gap_s(
    heard: Sequence[ReplyPause], undisturbed: Sequence[ReplyPause], *, scale: float, since_s: float
) -> float:
    """The longest silence in `heard` beyond the pause that `undisturbed` has at that place.

    Only silences that end after `since_s` of the reply. `scale` is how much longer the other reply
    sounds. Pauses are paired in order so that their places differ least in sum; a pause without a
    counterpart is a gap in its full length.
    """
    rows, columns = len(heard), len(undisturbed)
    cost = np.zeros((rows + 1, columns + 1))
    cost[:, 0], cost[0, :] = np.arange(rows + 1), np.arange(columns + 1)
    cost *= UNMATCHED_COST_S
    apart = np.array([[abs(p.at_s * scale - q.at_s) for q in undisturbed] for p in heard])
    for i in range(1, rows + 1):
        for j in range(1, columns + 1):
            skip = min(cost[i - 1, j], cost[i, j - 1]) + UNMATCHED_COST_S
            cost[i, j] = min(skip, cost[i - 1, j - 1] + apart[i - 1, j - 1])
    longest = 0.0
    i, j = rows, columns
    while i:
        usual_s = 0.0
        if j and cost[i, j] == cost[i - 1, j - 1] + apart[i - 1, j - 1]:
            i, j = i - 1, j - 1
            usual_s = undisturbed[j].length_s
        elif j and cost[i, j] == cost[i, j - 1] + UNMATCHED_COST_S:
            j -= 1
            continue
        else:
            i -= 1
        if heard[i].ended_s > since_s:
            longest = max(longest, heard[i].length_s - usual_s)
    return longest


class Recognition:
    """Whisper in this process: in the worker's way and, where that errs, in a slower one too."""

    def __init__(self, folder: Path, *, threads: int) -> None:
        short, full = ShortContext(folder, threads), FullContext(folder, threads)
        self._ways: tuple[Callable[[FloatSamples], str], ...] = (
            short.hear,
            lambda samples: full.hear(samples, beam_size=5),
        )

    def hear(self, audio: Audio, script: str) -> tuple[str, PlacedErrors]:
        """The text of the sound as first recognized, and what every way got wrong."""
        samples = audio.resampled(RECOGNISED_HZ).samples.astype(np.float32) / np.float32(32768)
        first, *others = self._ways
        text = plain_words(first(samples))
        errors = placed_errors(plain_words(script), text)
        for way in others:
            if errors:
                errors &= placed_errors(plain_words(script), plain_words(way(samples)))
        return text, errors


@dataclass(frozen=True)
class RecognizedReply:
    """A reply as it was received, with what recognition makes of it."""

    audio: Audio
    text: str
    errors: PlacedErrors
    busy_percent: float = 0.0
    """Of the machine, with everything on it, while the reply was heard."""

    @cached_property
    def pauses(self) -> tuple[ReplyPause, ...]:
        return pauses(self.audio)

    @cached_property
    def sounding_s(self) -> float:
        levels = window_levels_dbfs(self.audio.samples, self.audio.sample_rate_hz)
        return float(np.count_nonzero(levels >= AUDIBLE_DBFS)) * WINDOW_S


@dataclass(frozen=True)
class Judgement:
    """What a disturbance cost: words of the script, words twice, silence. `changed` are those of
    the lost words in whose place others were recognized: who hears "cat" for "boat" has lost it."""

    lost: tuple[str, ...]
    changed: tuple[str, ...]
    repeated: int
    gap_s: float


@dataclass
class WordJudge:
    """Compares replies of one script with undisturbed ones of the same run."""

    script: str
    undisturbed: list[RecognizedReply] = field(default_factory=list)

    def judge(self, reply: RecognizedReply, *, since_s: float = 0.0) -> Judgement:
        """A word that is heard as another is lost. Errors that an undisturbed reply has too do not
        count, nor do its pauses, nor any that ended before `since_s` after the first sound."""
        words = plain_words(self.script).split()
        others = [other.errors for other in self.undisturbed]
        unclear = frozenset[int]().union(*(errors.lost | errors.changed for errors in others))
        usual = max((errors.repeated for errors in others), default=0)
        gaps = [
            longest_gap_s(
                reply.pauses,
                other.pauses,
                scale=other.sounding_s / max(reply.sounding_s, WINDOW_S),
                since_s=since_s,
            )
            for other in self.undisturbed
        ]
        return Judgement(
            lost=tuple(
                words[place]
                for place in sorted((reply.errors.lost | reply.errors.changed) - unclear)
            ),
            changed=tuple(words[place] for place in sorted(reply.errors.changed - unclear)),
            repeated=max(0, reply.errors.repeated - usual),
            gap_s=round(min(gaps), 2),
        )
