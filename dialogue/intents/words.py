"""Intents by the words of their examples: naive Bayes says which, cosine whether it is any.

Features are words, pairs of words, and three and four letters in a row, weighted by TF-IDF. It
needs no model, and takes a fraction of a millisecond.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from dialogue.embeddings.minilm import Vectors

SMOOTHING = 0.05
"""Of naive Bayes, in TF-IDF weight; fitted with the rest (bench/intent_fit.py)."""

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_Features: TypeAlias = tuple[npt.NDArray[np.int64], Vectors]


class WordModel:
    """Learns in a moment from `texts`, each of the intent `labels` numbers from 0 on."""

    def __init__(self, texts: Sequence[str], labels: Sequence[int]) -> None:
        intents = max(labels, default=-1) + 1
        seen = [Counter(_features(text)) for text in texts]
        documents = Counter(feature for each in seen for feature in each)
        self._numbers = {feature: number for number, feature in enumerate(documents)}
        counts = np.fromiter(documents.values(), dtype=np.float32, count=len(documents))
        self._idf = np.log((1 + len(texts)) / (1 + counts)) + 1
        weights = np.zeros((len(documents), intents), dtype=np.float32)
        for each, label in zip(seen, labels, strict=True):
            numbers, values = self._weighted(each)
            weights[numbers, label] += values
        smooth = weights + np.float32(SMOOTHING)
        self._likelihood = np.log(smooth / smooth.sum(axis=0))
        self._centroids = weights / np.maximum(np.linalg.norm(weights, axis=0), 1e-9)

    def scores(self, text: str) -> tuple[Vectors, Vectors]:
        """By intent: log likelihood without its constant, and cosine with the intent's centroid.

        Words that no example has say nothing of the intent, and lower the cosine.
        """
        numbers, values = self._weighted(Counter(_features(text)))
        likelihood: Vectors = values @ self._likelihood[numbers]
        cosine: Vectors = values @ self._centroids[numbers]
        return likelihood, cosine

    def _weighted(self, counted: Counter[str]) -> _Features:
        known = {self._numbers[f]: n for f, n in counted.items() if f in self._numbers}
        numbers = np.fromiter(known.keys(), dtype=np.int64, count=len(known))
        counts = np.fromiter(known.values(), dtype=np.float32, count=len(known))
        values = (1 + np.log(np.maximum(counts, 1))) * self._idf[numbers]
        # A feature that no example has weighs as much as the rarest that one has.
        unknown = (len(counted) - len(known)) * (float(self._idf.max(initial=0.0)) ** 2)
        length = float(np.sqrt((values * values).sum() + unknown))
        return numbers, (values / max(length, 1e-9)).astype(np.float32)


def _features(text: str) -> Iterable[str]:
    words = _WORD.findall(text.lower().replace("’", "'"))
    yield from words
    for first, second in zip(["^", *words], [*words, "$"], strict=True):
        yield f"{first} {second}"
    for word in words:
        framed = f"<{word}>"
        for length in (3, 4):
            for begin in range(len(framed) - length + 1):
                yield f"#{framed[begin : begin + length]}"
