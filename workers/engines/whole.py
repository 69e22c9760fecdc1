"""For engines that give a sentence as a whole: trimming, words, chunks."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from workers.engines.tts_engine import (
    FloatSamples,
    SpeechPiece,
    SpokenAudio,
    SpokenEnd,
    SpokenWord,
    SpokenWords,
)
from workers.engines.word_spans import proportional_words

AUDIBLE = 10 ** (-45 / 20)
"""Amplitude from which a voice at the common level is heard."""

_BLOCK_SAMPLES = 64
_BEFORE_S, _AFTER_S = 0.01, 0.03
_CHUNK_S = 0.25


def first_sound(samples: FloatSamples, sample_rate_hz: int) -> int:
    """Where to begin so that the first sound follows within 10 ms; the length if there is none."""
    audible = np.flatnonzero(np.abs(samples) > AUDIBLE)
    if not len(audible):
        return len(samples)
    onset = int(audible[0]) - int(_BEFORE_S * sample_rate_hz)
    return max(0, onset // _BLOCK_SAMPLES * _BLOCK_SAMPLES)


def silence_at_start(opening: FloatSamples, sample_rate_hz: int) -> int:
    """Samples of silence that can be left out of a text's first chunk; none where it is silent."""
    silence = first_sound(opening, sample_rate_hz)
    return silence if silence < len(opening) else 0


def last_sound(samples: FloatSamples, sample_rate_hz: int) -> int:
    """Where to end so that the last sound has ended for 30 ms; 0 if there is none."""
    audible = np.flatnonzero(np.abs(samples) > AUDIBLE)
    if not len(audible):
        return 0
    return min(len(samples), int(audible[-1]) + 1 + int(_AFTER_S * sample_rate_hz))


@dataclass(frozen=True)
class WholeSentence:
    """A sentence's sound at level, its words, and how the words share it."""

    samples: FloatSamples
    words: Sequence[str]
    weights: Sequence[float]


def in_pieces(
    sentences: Iterable[WholeSentence],
    *,
    sample_rate_hz: int,
    keep_lead: bool,
    from_sample: int,
) -> Iterator[SpeechPiece]:
    """A text as a voice's `speak` gives it; all of it is made before the first piece.

    The last sentence's trailing silence becomes the pause.
    """
    at, pause_samples = 0, 0
    words: list[SpokenWord] = []
    parts: list[tuple[int, FloatSamples]] = []
    for sentence in sentences:
        onset = first_sound(sentence.samples, sample_rate_hz)
        start = 0 if keep_lead or parts else onset
        end = max(start, last_sound(sentence.samples, sample_rate_hz))
        at += pause_samples
        first = at + min(onset, end) - start
        words += proportional_words(sentence.words, sentence.weights, first, at + end - start)
        parts.append((at, sentence.samples[start:end]))
        at += end - start
        pause_samples = len(sentence.samples) - end
    if words:
        yield SpokenWords(tuple(words))
    yield from _chunks(parts, int(_CHUNK_S * sample_rate_hz), from_sample)
    yield SpokenEnd(at, pause_samples)


def _chunks(
    parts: Sequence[tuple[int, FloatSamples]], length: int, from_sample: int
) -> Iterator[SpokenAudio]:
    for begin, samples in parts:
        for low in range(0, len(samples), length):
            chunk = samples[low : low + length]
            if begin + low + len(chunk) > from_sample:
                yield SpokenAudio(begin + low, chunk)
