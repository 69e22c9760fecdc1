"""The three stages as onnxruntime sessions, and an utterance's way through them in chunks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from workers.engines.onnx_session import open_session
from workers.engines.piper.seams import DURATION_NOISE, DURATION_NOISE_CHANNELS, Seams
from workers.engines.tts_engine import FloatSamples

Tensor = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Margins:
    """Context in frames on both sides of a chunk, beyond which nothing changes it audibly."""

    flow: int
    decoder: int


@dataclass(frozen=True, kw_only=True)
class Prosody:
    """How much the latents vary, how long sounds last, how much that varies, and who speaks."""

    noise_scale: float
    length_scale: float
    noise_w_scale: float
    speaker: int

    def graph_inputs(self, ids: Ids) -> dict[str, Any]:
        """What Piper graphs take besides noise; `sid` only those of many speakers."""
        scales = [self.noise_scale, self.length_scale, self.noise_w_scale]
        return {
            "input": ids[np.newaxis],
            "input_lengths": np.array([len(ids)], np.int64),
            "scales": np.array(scales, np.float32),
            "sid": np.array([self.speaker], np.int64),
        }


class Noise:
    """All randomness of one sentence, a function of `key` alone."""

    def __init__(self, key: tuple[int, ...]) -> None:
        self._key = key

    def for_durations(self, phoneme_count: int) -> Tensor:
        """Shape [1, 2, phoneme_count]."""
        return self._normal(0, phoneme_count, DURATION_NOISE_CHANNELS)

    def for_latents(self, frames: int, channels: int) -> Tensor:
        """Shape [1, channels, frames]; a frame's noise does not depend on how many follow."""
        return self._normal(1, frames, channels)

    def _normal(self, stream: int, length: int, channels: int) -> Tensor:
        generator = np.random.Generator(np.random.PCG64([*self._key, stream]))
        normal = generator.standard_normal((length, channels), dtype=np.float32)
        return np.ascontiguousarray(normal.T[np.newaxis])


class Stages:
    """The sessions of one voice; threads may share them."""

    def __init__(self, folder: Path, seams: Seams, *, threads: int) -> None:
        self.seams = seams
        self._encoder = open_session(folder / "encoder.onnx", threads=threads)
        self._flow = open_session(folder / "flow.onnx", threads=threads)
        self._decoder = open_session(folder / "decoder.onnx", threads=threads)

    def encode(
        self,
        ids: Ids,
        *,
        prosody: Prosody,
        noise: Noise,
        options: onnxruntime.RunOptions | None = None,
    ) -> "Encoded":
        """Durations and latents of the phonemes `ids`, shape [phonemes]."""
        feed = {**prosody.graph_inputs(ids), DURATION_NOISE: noise.for_durations(len(ids))}
        names = self.seams.encoder_outputs
        outputs = run_with(self._encoder, names, feed, options)
        tensors = dict(zip(names, outputs, strict=True))
        means = tensors[self.seams.means]
        latents = noise.for_latents(means.shape[2], means.shape[1])
        for factor in self.seams.factors:
            latents = latents * tensors[factor]
        durations = tensors[self.seams.durations].reshape(-1).astype(np.int64)
        return Encoded(durations, means + latents, tensors)

    def run_flow(
        self,
        encoded: "Encoded",
        start: int,
        end: int,
        *,
        margin: int,
        options: onnxruntime.RunOptions | None = None,
    ) -> Tensor:
        """The decoder's input of frames `start` to `end`: [1, channels, end - start]."""
        low, high = max(0, start - margin), min(encoded.frames, end + margin)
        feed = {self.seams.latents: encoded.latents[:, :, low:high]}
        feed |= encoded.carried(self.seams.flow_carries, low, high)
        (acoustic,) = self._flow.run([self.seams.acoustic], feed, options)
        return np.asarray(acoustic[:, :, start - low : end - low])

    def decode(
        self,
        encoded: "Encoded",
        acoustic: Tensor,
        start: int,
        *,
        options: onnxruntime.RunOptions | None = None,
    ) -> FloatSamples:
        """The sound of `acoustic`, whose first frame is `start` of the sentence: [n × hop]."""
        feed = {self.seams.acoustic: acoustic}
        end = start + acoustic.shape[2]
        feed |= encoded.carried(self.seams.decoder_carries, start, end)
        (audio,) = self._decoder.run([self.seams.audio], feed, options)
        return np.asarray(audio.reshape(-1))


def run_with(
    session: onnxruntime.InferenceSession,
    outputs: Sequence[str] | None,
    feed: Mapping[str, Any],
    options: onnxruntime.RunOptions | None = None,
) -> list[Tensor]:
    """Runs the graph on what it takes of `feed`; `outputs` None: all."""
    takes = {tensor.name for tensor in session.get_inputs()}
    feed = {name: value for name, value in feed.items() if name in takes}
    tensors: list[Tensor] = session.run(outputs, feed, options)
    return tensors


@dataclass(frozen=True)
class Encoded:
    """A sentence after the encoder: frames per phoneme, and latents of [1, channels, frames]."""

    durations: Ids
    latents: Tensor
    tensors: Mapping[str, Tensor]

    @property
    def frames(self) -> int:
        return int(self.latents.shape[2])

    def carried(self, names: tuple[str, ...], start: int, end: int) -> dict[str, Tensor]:
        """The tensors that cross a seam beside the main one, cut where they have frames."""
        tensors = {name: self.tensors[name] for name in names}
        return {
            name: tensor[..., start:end] if tensor.shape[-1] == self.frames else tensor
            for name, tensor in tensors.items()
        }


class ChunkedDecoding:
    """Decodes an encoded sentence in chunks between `bounds` (frames), in any order.

    The flow runs in blocks of its own, each when a chunk first needs it. Both depend on the
    bounds alone: a chunk's samples are the same whichever chunks were decoded before.
    """

    def __init__(
        self,
        stages: Stages,
        encoded: Encoded,
        bounds: tuple[int, ...],
        *,
        margins: Margins,
        options: onnxruntime.RunOptions | None = None,
    ) -> None:
        self._stages = stages
        self._encoded = encoded
        self._bounds = bounds
        self._margins = margins
        self._options = options
        self._flow_bounds = _flow_bounds(bounds, margins.decoder, encoded.frames)
        self._blocks: dict[int, Tensor] = {}

    def chunk(self, index: int) -> FloatSamples:
        """The sound between bounds `index` and `index + 1`."""
        start, end = self._bounds[index], self._bounds[index + 1]
        margin, hop = self._margins.decoder, self._stages.seams.hop_samples
        low, high = max(0, start - margin), min(self._encoded.frames, end + margin)
        audio = self._stages.decode(
            self._encoded, self._acoustic(low, high), low, options=self._options
        )
        return audio[(start - low) * hop : (end - low) * hop]

    def _acoustic(self, start: int, end: int) -> Tensor:
        parts = []
        for index, (low, high) in enumerate(pairwise(self._flow_bounds)):
            if low < end and start < high:
                if index not in self._blocks:
                    self._blocks[index] = self._stages.run_flow(
                        self._encoded, low, high, margin=self._margins.flow, options=self._options
                    )
                parts.append(self._blocks[index][:, :, max(0, start - low) : end - low])
        return np.concatenate(parts, axis=2)


def _flow_bounds(bounds: tuple[int, ...], margin: int, frames: int) -> tuple[int, ...]:
    """The first two blocks are what their chunks need, each later one spans two: fewer margins."""
    ends = (bounds[1], *bounds[2::2], bounds[-1])
    return tuple(sorted({max(0, bounds[0] - margin), *(min(frames, end + margin) for end in ends)}))
