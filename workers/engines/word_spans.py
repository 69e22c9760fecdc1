"""Which sounds of a text are which word, in which sentence: what word timings are made from.

A phonemizer joins words ("of the"), splits them ("2024") and drops some ("—"), so counting the
groups between spaces is not enough.
"""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from workers.engines.tts_engine import SpokenWord

Span = tuple[int, int]

_MAX_COMPARISONS = 250_000
"""Beyond this, matching takes longer than it is worth: words share by length."""


@dataclass(frozen=True)
class PlacedWord:
    """A word of the text, and its range of phonemes in the sentence it begins in."""

    word: str
    sentence: int
    first_phoneme: int
    end_phoneme: int


def timed_words(
    words: Iterable[PlacedWord],
    id_spans: Sequence[Span],
    id_frames: npt.NDArray[np.int64],
    *,
    end_frame: int,
    origin: int,
    hop_samples: int,
) -> Iterator[SpokenWord]:
    """The words of one sentence, which begins at sample `origin` of what is heard.

    `id_spans` has the ids of each phoneme; `id_frames[i]` is the frame in which id i begins. What
    lies outside of what is heard, before its beginning or after `end_frame`, is at its edge.
    """
    for word in words:
        is_empty = word.first_phoneme >= word.end_phoneme
        first = id_spans[min(word.first_phoneme, len(id_spans) - 1)][0]
        last = first if is_empty else id_spans[word.end_phoneme - 1][1]
        start, end = (
            max(0, origin + min(int(id_frames[i]), end_frame) * hop_samples) for i in (first, last)
        )
        yield SpokenWord(word.word, start, end)


def is_sound(phoneme: str) -> bool:
    """Whether a phoneme is heard: not a space, punctuation or a boundary mark."""
    return unicodedata.category(phoneme[0])[0] in "LMN"


def word_spans(
    words: Sequence[str],
    phonemes: Sequence[str],
    phonemes_of: Callable[[str], Iterable[str]],
) -> list[Span]:
    """The half-open range of `phonemes` that each word takes, in order; silent words' are empty.

    `phonemes_of` gives what a word sounds like when it stands alone.
    """
    groups = _groups(phonemes)
    if len(groups) == len(words) and all(map(_is_plain, words)):
        return groups
    sounds = [index for index, phoneme in enumerate(phonemes) if is_sound(phoneme)]
    if not sounds or not words:
        return [(0, 0)] * len(words)
    alone = [[p for p in phonemes_of(word) if is_sound(p)] for word in words]
    starts = {sounds.index(start) for start, _ in groups}
    edges = _settled(_edges(alone, [phonemes[index] for index in sounds]), alone, starts)
    spans, end = [], sounds[0]
    for first, last in pairwise(edges):
        start = sounds[first] if first < last else end
        end = sounds[last - 1] + 1 if first < last else end
        spans.append((start, end))
    return spans


def place_words(
    text: str,
    sentences: Sequence[Sequence[str]],
    phonemes_of: Callable[[str], Iterable[str]],
) -> list[PlacedWord]:
    """Every word of the text, in order; none where there are no sentences.

    `sentences` are the phonemes of each; `phonemes_of` is that of `word_spans`.
    """
    if not sentences:
        return []
    flat: list[str] = []
    origin: list[tuple[int, int]] = []
    for number, phonemes in enumerate(sentences):
        flat += [*phonemes, " "]
        origin += [(number, index) for index in range(len(phonemes) + 1)]
    words, placed = text.split(), []
    for word, (start, end) in zip(words, word_spans(words, flat, phonemes_of), strict=True):
        number, first = origin[start]
        last = origin[end - 1] if end > start else (number, first - 1)
        stop = last[1] + 1 if last[0] == number else len(sentences[number])
        placed.append(PlacedWord(word, number, first, stop))
    return placed


def split_at_pauses(phonemes: Sequence[str], *, most: int) -> list[tuple[str, ...]]:
    """Parts of at most `most` phonemes, split at the last pause, else the last space, that fits."""
    parts: list[tuple[str, ...]] = []
    while len(phonemes) > most:
        window = phonemes[:most]
        spaces = [i for i in range(1, len(window)) if window[i] == " "]
        pauses = [i for i in spaces if not is_sound(window[i - 1])]
        at = (pauses or spaces or [most - 1])[-1] + 1
        parts.append(tuple(phonemes[:at]))
        phonemes = phonemes[at:]
    return [*parts, tuple(phonemes)]


def proportional_words(
    words: Sequence[str], weights: Sequence[float], start_sample: int, end_sample: int
) -> tuple[SpokenWord, ...]:
    """Words that share a piece of sound by weight: where an engine tells no durations."""
    total = sum(weights) or 1.0
    at, spoken = 0.0, []
    for word, weight in zip(words, weights, strict=True):
        start = start_sample + round((end_sample - start_sample) * at / total)
        at += weight
        end = start_sample + round((end_sample - start_sample) * at / total)
        spoken.append(SpokenWord(word, start, end))
    return tuple(spoken)


def _groups(phonemes: Sequence[str]) -> list[Span]:
    """Ranges from first to last sound between spaces."""
    groups: list[Span] = []
    first = last = None
    for index, phoneme in enumerate((*phonemes, " ")):
        if phoneme == " ":
            if first is not None and last is not None:
                groups.append((first, last + 1))
            first = last = None
        elif is_sound(phoneme):
            first, last = index if first is None else first, index
    return groups


def _is_plain(word: str) -> bool:
    """A word that no phonemizer splits or drops: letters, with punctuation around them."""
    return word.strip("\"'“”‘’()[],.;:!?…").replace("'", "").replace("’", "").isalpha()


def _edges(alone: Sequence[Sequence[str]], actual: Sequence[str]) -> list[int]:
    """Where words begin in `actual`, and its end: the words' own sounds matched against it."""
    expected = [phoneme for word in alone for phoneme in word]
    if len(expected) * len(actual) > _MAX_COMPARISONS or not expected:
        blocks = [(0, len(expected), 0, len(actual))]
    else:
        matcher = SequenceMatcher(None, expected, actual, autojunk=False)
        blocks = [block[1:] for block in matcher.get_opcodes()]
    edges, position = [], 0
    for word in (*alone, ()):
        low, high, to_low, to_high = next(b for b in blocks if position <= b[1] or b is blocks[-1])
        share = (position - low) / (high - low) if high > low else 0.0
        edges.append(to_low + round(share * (to_high - to_low)))
        position += len(word)
    return [0, *edges[1:-1], len(actual)]


def _settled(edges: list[int], alone: Sequence[Sequence[str]], starts: set[int]) -> list[int]:
    """Edges moved to the start of a group within two sounds, unless a word would lose all."""
    settled = edges[:1]
    for number, edge in enumerate(edges[1:-1], start=1):
        if not alone[number - 1]:
            settled.append(settled[-1])
            continue
        near = min(
            (s for s in starts if abs(s - edge) <= 2), key=lambda s: abs(s - edge), default=edge
        )
        swallows = near <= settled[-1] or (alone[number] and near >= edges[number + 1])
        settled.append(max(settled[-1], edge if swallows else near))
    return [*settled, edges[-1]]
