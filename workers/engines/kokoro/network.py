"""Kokoro's network in three: what is encoded once a sentence, and what is decoded in chunks.

Cut as a whole graph it would begin the tone of each chunk anew, and where two chunks meet they
would cancel each other. So the source of the tone, cheap beside all else, is a graph of its own: it
runs over the whole sentence, and chunks take their part of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx.utils import Extractor

from workers.engines.kokoro.phonemes import Ids
from workers.engines.onnx_session import open_session
from workers.engines.tts_engine import FloatSamples

Tensor = npt.NDArray[np.float32]

SAMPLE_RATE_HZ = 24000
HOP_SAMPLES = 600
"""Samples of a frame: durations, and the network's sounds, count in frames of 25 ms."""

ENCODER, SOURCE, DECODER = "encoder.onnx", "source.onnx", "decoder.onnx"

_SOUNDS = "/encoder/MatMul_1_output_0"
_PITCH = "/encoder/Reshape_output_0"
_ENERGY = "/encoder/Reshape_1_output_0"
_DURATIONS = "/encoder/Cast_output_0"
_TONE = "/decoder/decoder/generator/Concat_3_output_0"
_AUDIO = "audio"

_PITCHES = 2
"""Values of pitch, and of energy, in a frame."""
_TONES = 120
"""Columns of the tone in a frame; one more ends the sentence."""

_SILENCE_FRAMES = 8
"""The network evens its sounds over all that it is given, silence too: a part of a sentence that
has none comes out some 2 dB further from what it is in the whole."""


class CutError(Exception):
    """The model is not the graph that this code knows; its text says why."""


def cut(model: Path, folder: Path) -> None:
    """Writes ENCODER, SOURCE and DECODER into `folder`. Blocks for some seconds.

    Raises CutError.
    """
    parts = {
        ENCODER: (["tokens", "style", "speed"], [_SOUNDS, _PITCH, _ENERGY, _DURATIONS]),
        SOURCE: ([_PITCH], [_TONE]),
        DECODER: ([_SOUNDS, _PITCH, _ENERGY, _TONE, "style"], [_AUDIO]),
    }
    try:
        extractor = Extractor(onnx.load(model))
        for name, (inputs, outputs) in parts.items():
            onnx.save(extractor.extract_model(inputs, outputs), folder / name)
    except Exception as error:  # protobuf and onnx raise what they like
        raise CutError(f"its graph cannot be cut: {error}") from error


@dataclass(frozen=True)
class EncodedSpeech:
    """A sentence before decoding: `durations` in frames of each id, the rest by frame."""

    durations: Ids
    sounds: Tensor
    pitch: Tensor
    energy: Tensor
    tone: Tensor
    style: Tensor

    @property
    def frames(self) -> int:
        return int(self.sounds.shape[2])

    def silence_before(self, start: int) -> int:
        """Frames of the sentence's own silence to put before those from `start` on."""
        return min(start, _SILENCE_FRAMES, int(self.durations[0]) * 2 // 3)

    def part(self, start: int, end: int) -> dict[str, Tensor]:
        """What the decoder takes for these frames, behind `silence_before` them."""
        silence = self.silence_before(start)

        def of(tensor: Tensor, columns: int, more: int = 0) -> Tensor:
            before = tensor[..., : columns * silence]
            here = tensor[..., columns * start : columns * end + more]
            return np.concatenate([before, here], axis=-1) if silence else here

        return {
            _SOUNDS: of(self.sounds, 1),
            _PITCH: of(self.pitch, _PITCHES),
            _ENERGY: of(self.energy, _PITCHES),
            _TONE: of(self.tone, _TONES, more=1),
            "style": self.style,
        }


class KokoroNetwork:
    """The three graphs; threads may share them."""

    def __init__(self, folder: Path, *, threads: int) -> None:
        self._encoder = open_session(folder / ENCODER, threads=threads)
        self._source = open_session(folder / SOURCE, threads=threads)
        self._decoder = open_session(folder / DECODER, threads=threads)

    def encode(
        self,
        ids: Ids,
        *,
        style: Tensor,
        speed: float,
        options: onnxruntime.RunOptions | None = None,
    ) -> EncodedSpeech:
        """`ids` with a zero at both ends, `style` of shape [256], `speed` 1.0 as trained."""
        feed = graph_inputs(ids, style=style, speed=speed)
        outputs = [_SOUNDS, _PITCH, _ENERGY, _DURATIONS]
        sounds, pitch, energy, durations = self._encoder.run(outputs, feed, options)
        (tone,) = self._source.run([_TONE], {_PITCH: pitch}, options)
        frames = durations.reshape(-1).astype(np.int64)
        return EncodedSpeech(frames, sounds, pitch, energy, tone, feed["style"])

    def decode(
        self,
        encoded: EncodedSpeech,
        start: int,
        end: int,
        *,
        options: onnxruntime.RunOptions | None = None,
    ) -> FloatSamples:
        """The sound of these frames, HOP_SAMPLES each; a sentence's end is as long as it comes."""
        (audio,) = self._decoder.run([_AUDIO], encoded.part(start, end), options)
        heard = audio.reshape(-1)[encoded.silence_before(start) * HOP_SAMPLES :]
        return np.asarray(heard, np.float32)


def graph_inputs(ids: Ids, *, style: Tensor, speed: float) -> dict[str, Any]:
    """What the graph takes, before and after it is cut."""
    return {
        "tokens": ids[np.newaxis],
        "style": style[np.newaxis],
        "speed": np.array([speed], np.float32),
    }


def whole_graph(model: Path) -> Callable[[dict[str, Any]], FloatSamples]:
    """The graph as published, to compare with."""
    session = open_session(model, threads=1)
    return lambda feed: np.asarray(session.run([_AUDIO], feed)[0].reshape(-1), np.float32)
