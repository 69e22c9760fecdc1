"""A sentence decoded in chunks that fade into each other.

The network evens what it hears over all that it is given, so a chunk is never quite what the whole
sentence would be there, its level above all. Each is given some of its neighbors' frames; where two
meet, one fades into the other, and the second comes from the level of the first to its own.
"""

from dataclasses import dataclass

import numpy as np
import onnxruntime

from workers.engines.kokoro.network import HOP_SAMPLES, EncodedSpeech, KokoroNetwork
from workers.engines.tts_engine import FloatSamples

CHUNK_FRAMES = (24, 40, 64, 96)
"""Sizes of a sentence's chunks, the last one repeated: each is decoded while the one before it
sounds."""

BEFORE_FRAMES, AFTER_FRAMES = 16, 8
"""What a chunk is given of its neighbors."""

FADE_SAMPLES = HOP_SAMPLES
_LARGEST_STEP = 2.0
_QUIET = 0.003
"""RMS of a pause: how loud it is there says nothing of what follows."""

SMALLEST_LAST_FRAMES = 16


@dataclass(frozen=True)
class _Decoded:
    """A chunk with what it was given of its neighbors; its sound begins at frame `low`."""

    low: int
    audio: FloatSamples

    def between(self, start_sample: int, end_sample: int) -> FloatSamples:
        """The sound between two samples of the sentence, as far as it goes."""
        origin = self.low * HOP_SAMPLES
        return self.audio[max(0, start_sample - origin) : max(0, end_sample - origin)]


class FadingChunks:
    """Decodes an encoded sentence between `bounds` (frames).

    A chunk's samples are the same whichever chunks were decoded before; in order each is decoded
    once.
    """

    def __init__(
        self,
        network: KokoroNetwork,
        encoded: EncodedSpeech,
        bounds: tuple[int, ...],
        *,
        options: onnxruntime.RunOptions | None = None,
    ) -> None:
        self._network = network
        self._encoded = encoded
        self._bounds = bounds
        self._options = options
        self._last: tuple[int, _Decoded] | None = None

    def chunk(self, index: int) -> FloatSamples:
        """The sound between bounds `index` and `index + 1`."""
        before = self._decoded(index - 1) if index else None
        here = self._decoded(index)
        start, end = (bound * HOP_SAMPLES for bound in self._bounds[index : index + 2])
        body = here.between(start, end).copy()
        if before is None:
            return body
        body *= np.linspace(_step(before, here), 1, len(body), dtype=np.float32)
        tail = before.between(start, start + FADE_SAMPLES)[: len(body)]
        rising = np.linspace(0, 1, len(tail), dtype=np.float32)
        body[: len(tail)] = tail * (1 - rising) + body[: len(tail)] * rising
        return body

    def _decoded(self, index: int) -> _Decoded:
        if self._last is None or self._last[0] != index:
            low = max(0, self._bounds[index] - BEFORE_FRAMES)
            high = min(self._encoded.frames, self._bounds[index + 1] + AFTER_FRAMES)
            audio = self._network.decode(self._encoded, low, high, options=self._options)
            self._last = (index, _Decoded(low, audio))
        return self._last[1]


def _step(before: _Decoded, here: _Decoded) -> float:
    """How much louder the first is where both sound: the second begins so loud, not with a step."""
    start = here.low * HOP_SAMPLES
    end = before.low * HOP_SAMPLES + len(before.audio)
    one, other = before.between(start, end), here.between(start, end)
    length = min(len(one), len(other))
    levels = [float(np.sqrt(np.mean(np.square(part[:length])))) for part in (one, other)]
    if min(levels) < _QUIET:
        return 1.0
    return min(_LARGEST_STEP, max(1 / _LARGEST_STEP, levels[0] / levels[1]))
