"""Texts as vectors of their parts of words: finds what is written otherwise, without a model.

Each word counts by its runs of three letters, hashed into a fixed number of places, so that
"hedphones" and "headphones" have most of them in common, and "coffeemaker" much of "coffee maker".
What a text means beyond its letters such a vector does not know.
"""

import re
import zlib
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

DIMENSIONS = 512
LIKE = 0.3
"""The least cosine of what is offered for words that no text has."""
_WORD = re.compile(r"[a-z0-9]+")
_RUN = 3

Vector = NDArray[np.float32]


def vector_of(text: str) -> Vector:
    """A unit vector of DIMENSIONS; all zeros for a text without words."""
    vector = np.zeros(DIMENSIONS, dtype=np.float32)
    for word, count in Counter(_WORD.findall(text.lower())).items():
        # Long words say more than short ones; a word that comes often not as much more often.
        weight = (1 + np.log(count)) / max(1, len(word) - 1)
        for place in _places(word):
            vector[place] += weight * min(3.0, len(word) / 3)
    length = float(np.linalg.norm(vector))
    return vector / length if length else vector


@lru_cache(maxsize=16384)
def _places(word: str) -> tuple[int, ...]:
    marked = f"<{word}>"
    runs = (marked[at : at + _RUN] for at in range(max(1, len(marked) - _RUN + 1)))
    return tuple(zlib.crc32(run.encode()) % DIMENSIONS for run in runs)


def stored(vector: Vector) -> bytes:
    """As a catalogue keeps it."""
    return vector.astype("<f2").tobytes()


def stacked(blobs: Sequence[bytes]) -> Vector:
    """Kept vectors as rows of [len(blobs), DIMENSIONS]."""
    if not blobs:
        return np.zeros((0, DIMENSIONS), dtype=np.float32)
    rows = np.frombuffer(b"".join(blobs), dtype="<f2").astype(np.float32)
    return rows.reshape(len(blobs), DIMENSIONS)
