"""For engines that give a sentence as a whole: trimming, words, chunks."""

from collections.abc import Iterator, Sequence

import numpy as np

from workers.engines.base import FloatSamples, SpeechPiece, SpokenAudio, SpokenEnd, SpokenWords
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


def last_sound(samples: FloatSamples, sample_rate_hz: int) -> int:
    """Where to end so that the last sound has ended for 30 ms; 0 if there is none."""
    audible = np.flatnonzero(np.abs(samples) > AUDIBLE)
    if not len(audible):
        return 0
    return min(len(samples), int(audible[-1]) + 1 + int(_AFTER_S * sample_rate_hz))


def in_pieces(
    sentences: Iterator[tuple[FloatSamples, Sequence[str], Sequence[float]]],
    *,
    sample_rate_hz: int,
    keep_lead: bool,
    from_sample: int,
) -> Iterator[SpeechPiece]:
    """Each sentence's sound (at level), words and their weights, as a voice's `speak` gives them.

    The last sentence's trailing silence becomes the pause.
    """
    at, pause_samples, chunk = 0, 0, int(_CHUNK_S * sample_rate_hz)
    for samples, words, weights in sentences:
        start = 0 if keep_lead or at else first_sound(samples, sample_rate_hz)
        end = max(start, last_sound(samples, sample_rate_hz))
        if at + pause_samples > from_sample and pause_samples:
            yield SpokenAudio(at, np.zeros(pause_samples, np.float32))
        at += pause_samples
        onset = at + first_sound(samples, sample_rate_hz) - start
        yield SpokenWords(
            proportional_words(words, weights, min(onset, at + end - start), at + end - start)
        )
        for low in range(start, end, chunk):
            high = min(end, low + chunk)
            if at + high - start > from_sample:
                yield SpokenAudio(at + low - start, samples[low:high])
        at += end - start
        pause_samples = len(samples) - end
    yield SpokenEnd(at, pause_samples)
