"""Word times: how each token looked at the sound, aligned so that neither goes back.

As in openai/whisper timing.py, but the alignment gives every frame to one token, so that a path
over tokens is found frame by frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workers.engines.asr_engine import SAMPLE_RATE_HZ, DecodedWord
from workers.engines.moonshine.network import FRAME_SAMPLES, Tensor
from workers.engines.moonshine.vocabulary import Vocabulary

FRAME_S = FRAME_SAMPLES / SAMPLE_RATE_HZ


@dataclass(frozen=True)
class _Word:
    """The half-open range of its tokens."""

    text: str
    first: int
    end: int


def timed_words(
    vocabulary: Vocabulary,
    tokens: Sequence[int],
    log_probs: Sequence[float],
    attention: Tensor,
    *,
    duration_s: float,
) -> tuple[DecodedWord, ...]:
    """The words of `tokens`; `attention` is that of `Network.attention`, for sound that
    begins with `duration_s` of the speaker's."""
    words = _words(vocabulary, tokens)
    edges_s = np.minimum(_edges(_scores(attention)) * FRAME_S, duration_s)
    return tuple(
        DecodedWord(
            word.text,
            float(edges_s[word.first]),
            float(edges_s[word.end]),
            float(np.exp(np.mean(log_probs[word.first : word.end]))),
        )
        for word in words
    )


def _words(vocabulary: Vocabulary, tokens: Sequence[int]) -> list[_Word]:
    starts = [n for n, token in enumerate(tokens) if n == 0 or vocabulary.begins_word(token)]
    ranges = zip(starts, [*starts[1:], len(tokens)], strict=True)
    words = [_Word(vocabulary.text(tokens[start:end]), start, end) for start, end in ranges]
    return [word for word in words if word.text]


def _scores(attention: Tensor) -> Tensor:
    """How well each token goes with each frame, shape [tokens, frames]: against how the other
    tokens looked at the frame, the mean over layers and heads."""
    spread = attention.std(axis=-2, keepdims=True) + 1e-6
    standing = (attention - attention.mean(axis=-2, keepdims=True)) / spread
    scores: Tensor = standing.mean(axis=(0, 1))
    return scores


def _edges(scores: Tensor) -> npt.NDArray[np.int64]:
    """The frame at which each token begins, and where the last ends: the path of the highest
    sum that gives each frame to one token and each token at least one frame."""
    count, frames = scores.shape
    if frames < count:
        return np.linspace(0, frames, count + 1).astype(np.int64)
    best = np.full(count, -np.inf)
    best[0] = scores[0, 0]
    came = np.zeros((frames, count), bool)
    for frame in range(1, frames):
        before = np.concatenate([[-np.inf], best[:-1]])
        came[frame] = before > best
        best = np.where(came[frame], before, best) + scores[:, frame]
    edges = np.zeros(count + 1, np.int64)
    edges[count], token = frames, count - 1
    for frame in range(frames - 1, 0, -1):
        if came[frame, token]:
            edges[token] = frame
            token -= 1
    return edges
