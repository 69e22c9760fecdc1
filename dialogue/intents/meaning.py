"""Intents by what their examples mean: a softmax regression over sentence vectors.

It says which intent; the cosine with the nearest intent's centroid says whether it is any, which
the regression, made to choose among intents, cannot. Learns in numpy, in about a second for
15,000 examples, and always the same from the same examples.
"""

from collections.abc import Sequence

import numpy as np

from dialogue.embeddings.minilm import DIMENSIONS, Vectors

WEIGHT_DECAY = 2e-3
"""Fitted on CLINC150's validation part, with 100, 20, 10 and 5 examples an intent: few examples
want it no smaller, and many lose nothing by it."""
STEPS = 900
BATCH = 256
LEARNING_RATE = 0.02
_SCALE = np.float32(np.sqrt(DIMENSIONS))
"""Of unit vectors, so that a feature varies by about one."""


class MeaningModel:
    """Learns when it is made: blocks, so make it in a thread.

    `vectors`: unit vectors of the examples, as rows; `labels` number their intents from 0 on.
    """

    def __init__(self, vectors: Vectors, labels: Sequence[int]) -> None:
        of_row = np.asarray(labels)
        intents = int(of_row.max(initial=-1)) + 1
        sums = np.zeros((intents, vectors.shape[1]), dtype=np.float32)
        np.add.at(sums, of_row, vectors)
        self._centroids = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
        self._weights, self._bias = _regression(vectors * _SCALE, of_row, intents)

    def scores(self, vector: Vectors) -> tuple[Vectors, Vectors]:
        """By intent: log likelihood without its constant, and cosine with its centroid."""
        likelihood: Vectors = self._weights @ (vector * _SCALE) + self._bias
        cosine: Vectors = self._centroids @ vector
        return likelihood, cosine


class _Parameter:
    """What Adam (Kingma and Ba, 2015) keeps of one array, which it changes in place."""

    def __init__(self, value: Vectors) -> None:
        self._value = value
        self._mean = np.zeros_like(value)
        self._square = np.zeros_like(value)

    def move(self, gradient: Vectors, rate: float, step: int) -> None:
        self._mean += 0.1 * (gradient - self._mean)
        self._square += 0.01 * (gradient * gradient - self._square)
        spread = np.sqrt(self._square / (1 - 0.99**step)) + 1e-8
        self._value -= rate * self._mean / (1 - 0.9**step) / spread


def _regression(x: Vectors, labels: np.ndarray, intents: int) -> tuple[Vectors, Vectors]:
    """Weights [intents, dimensions] and bias: Adam over batches, the rate falling to nothing."""
    weights = np.zeros((intents, x.shape[1]), dtype=np.float32)
    bias = np.zeros(intents, dtype=np.float32)
    parameters = (_Parameter(weights), _Parameter(bias))
    random = np.random.default_rng(0)
    order = random.permutation(len(x))
    begin = 0
    for step in range(1, STEPS + 1):
        if begin >= len(x):
            order, begin = random.permutation(len(x)), 0
        batch = order[begin : begin + BATCH]
        begin += BATCH
        error = _probabilities(x[batch] @ weights.T + bias)
        error[np.arange(len(batch)), labels[batch]] -= 1
        error /= len(batch)
        gradients = (error.T @ x[batch] + WEIGHT_DECAY * weights, error.sum(axis=0))
        rate = LEARNING_RATE * (1 - step / STEPS)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.move(gradient, rate, step)
    return weights, bias


def _probabilities(scores: Vectors) -> Vectors:
    scores -= scores.max(axis=1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=1, keepdims=True)
    return scores
