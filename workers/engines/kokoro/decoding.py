"""A sentence decoded in chunks that fade into each other.

The network evens what it hears over all that it is given, so a chunk is never quite what the whole
sentence would be there: each is given some of its neighbors' frames, and where two meet, one fades
into the other.
"""

import numpy as np
import onnxruntime

from workers.engines.kokoro.network import HOP_SAMPLES, Encoded, Network
from workers.engines.tts_engine import FloatSamples

CHUNK_FRAMES = (24, 40, 64, 96)
"""Sizes of a sentence's chunks, the last one repeated: each is decoded while the one before it
sounds."""

BEFORE_FRAMES, AFTER_FRAMES = 16, 8
"""What a chunk is given of its neighbors."""

FADE_SAMPLES = HOP_SAMPLES
_SMALLEST_LAST_FRAMES = 16


def chunk_bounds(start: int, lead: int, end: int) -> tuple[int, ...]:
    """Frames between which a sentence is decoded; the first chunk's size counts from `lead`,
    where the first sound stands."""
    bounds = [start, max(start, lead) + CHUNK_FRAMES[0]]
    while bounds[-1] < end:
        bounds.append(bounds[-1] + CHUNK_FRAMES[min(len(bounds) - 1, len(CHUNK_FRAMES) - 1)])
    while len(bounds) > 2 and end - bounds[-2] < _SMALLEST_LAST_FRAMES:
        bounds.pop()
    return (*bounds[:-1], end)


class ChunkedDecoding:
    """Decodes an encoded sentence between `bounds` (frames).

    A chunk's samples are the same whichever chunks were decoded before; in order each is decoded
    once.
    """

    def __init__(
        self,
        network: Network,
        encoded: Encoded,
        bounds: tuple[int, ...],
        *,
        options: onnxruntime.RunOptions | None = None,
    ) -> None:
        self._network = network
        self._encoded = encoded
        self._bounds = bounds
        self._options = options
        self._tail: tuple[int, FloatSamples] | None = None

    def chunk(self, index: int) -> FloatSamples:
        """The sound between bounds `index` and `index + 1`."""
        tail = self._tail_before(index) if index else None
        body, after = self._decoded(index)
        self._tail = (index, after)
        if tail is not None:
            length = min(len(tail), len(body))
            rising = np.linspace(0, 1, length, dtype=np.float32)
            body[:length] = tail[:length] * (1 - rising) + body[:length] * rising
        return body

    def _tail_before(self, index: int) -> FloatSamples:
        """How the chunk before would go on: what this one fades in from."""
        if self._tail is not None and self._tail[0] == index - 1:
            return self._tail[1]
        return self._decoded(index - 1)[1]

    def _decoded(self, index: int) -> tuple[FloatSamples, FloatSamples]:
        start, end = self._bounds[index], self._bounds[index + 1]
        low = max(self._bounds[0], start - BEFORE_FRAMES)
        high = min(self._encoded.frames, end + AFTER_FRAMES)
        audio = self._network.decode(self._encoded, low, high, options=self._options)
        first, last = (start - low) * HOP_SAMPLES, (end - low) * HOP_SAMPLES
        return audio[first:last].copy(), audio[last : last + FADE_SAMPLES].copy()
