"""The smaller local model's weights in a format that llama.cpp reads soonest.

`python -m ops.llm_weights llama.cpp FOLDER` makes them of a model's folder and prints where they
are. As published its layers are Q5_0 and its last one Q8_0, which llama.cpp multiplies block by
block. For IQ4_NL it has code that takes eight rows at once, and they are a third smaller: a token
takes a third less time (docs/mind.md has the figures, and what it costs).
"""

import struct
import sys
from collections.abc import Sequence
from mmap import ACCESS_READ, mmap
from pathlib import Path

import gguf
import numpy as np
import numpy.typing as npt

from ops.gguf_layout import GgufLayout, GgufTensor
from parley import paths
from parley.errors import FetchError
from parley.fetch import locked, staged
from parley.program import EXIT_FAILED

Floats = npt.NDArray[np.float32]

MODEL_FILE = "model.gguf"
_BLOCK = 32
"""Weights that share a scale, and are 4 bits each beside it (ggml's `block_iq4_nl`)."""
_LEVELS = np.array(
    [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113], np.float32
)
"""What the 4 bits stand for, in units of the scale (ggml's `kvalues_iq4nl`)."""
_REACH = 160
_NEAREST = np.abs(np.arange(-_REACH, _REACH + 1)[:, None] - _LEVELS).argmin(1).astype(np.uint8)
"""The nearest level of each whole number of the scale's units, from -_REACH on."""
_ROWS = 64
"""At a time: they stay in the processor's cache."""
_KEPT = ("token_embd.weight", "attn_k.weight", "attn_v.weight")
"""Read a row at a time, or so small that nothing is gained."""
_WORST_ERROR = 0.02
"""Of a tensor's energy. Some 0.006 are usual; more is a fault of ours."""


class LlmWeightsError(Exception):
    """The weights could not be made, and why."""


def requantized(source: Path) -> Path:
    """The folder with the weights of the model in folder `source`; made anew, for some fifteen
    seconds of one core. Raises LlmWeightsError, FetchError and OSError."""
    target = paths.cache_dir() / "weights" / source.name
    with locked(target), staged(target) as staging:
        result = staging / "result"
        result.mkdir()
        _write(source / MODEL_FILE, result / MODEL_FILE)
        _replace(target, result, staging)
    return target


def _replace(target: Path, result: Path, staging: Path) -> None:
    if target.exists():  # llama.cpp may have it open, which keeps what it has mapped
        target.rename(staging / "outdated")
    result.rename(target)


def _write(source: Path, target: Path) -> None:
    """Everything stays where it is in the header but the tensors' types and places."""
    with source.open("rb") as stream, mmap(stream.fileno(), 0, access=ACCESS_READ) as data:
        layout = GgufLayout.of(data)
        header = bytearray(data[: layout.data_from])
        with target.open("wb") as out:
            out.write(header)
            for tensor in layout.tensors:
                encoded, kind = _converted(tensor, tensor.raw(data))
                place = out.tell() - layout.data_from
                struct.pack_into("<IQ", header, tensor.kind_at, kind, place)
                out.write(encoded.tobytes())
                out.write(bytes(-out.tell() % layout.alignment))
            out.seek(0)
            out.write(header)


def _converted(
    tensor: GgufTensor, raw: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.uint8], gguf.GGMLQuantizationType]:
    is_matrix = len(tensor.shape) == 2
    if not is_matrix or tensor.name.endswith(_KEPT) or tensor.shape[0] % _BLOCK:
        return raw, tensor.kind
    parts: list[npt.NDArray[np.uint8]] = []
    lost = energy = 0.0
    for first in range(0, len(raw), _ROWS):
        weights = gguf.quants.dequantize(raw[first : first + _ROWS], tensor.kind)
        encoded, part_lost = iq4_nl(weights)
        parts.append(encoded)
        lost += part_lost
        energy += float(np.sum(np.square(weights, dtype=np.float64)))
    if lost > _WORST_ERROR * energy:
        raise LlmWeightsError(f"{tensor.name} loses {lost / energy:.1%} of its energy")
    return np.concatenate(parts), gguf.GGMLQuantizationType.IQ4_NL


def iq4_nl(weights: Floats) -> tuple[npt.NDArray[np.uint8], float]:
    """Weights [rows, columns], columns a multiple of 32, as IQ4_NL [rows, columns / 32 · 18] bytes;
    and the sum of the squared errors. The scale is the one that fits best once the levels are
    chosen."""
    blocks = np.ascontiguousarray(weights, np.float32).reshape(-1, _BLOCK)
    largest = blocks[np.arange(len(blocks)), np.abs(blocks).argmax(1)]
    # The largest weight is put on the outermost level.
    units = _divided(np.full_like(largest, _LEVELS[0]), largest)
    steps = np.rint(blocks * units[:, None]).astype(np.int32)
    codes = _NEAREST[np.clip(steps, -_REACH, _REACH) + _REACH]
    levels = _LEVELS[codes]
    scales = _divided(_along(levels, blocks), _along(levels, levels)).astype("<f2")
    missed = blocks - levels * scales.astype(np.float32)[:, None]
    halves = _LEVELS.size
    encoded = np.empty((len(blocks), 2 + halves), np.uint8)
    encoded[:, :2] = scales.view(np.uint8).reshape(-1, 2)
    encoded[:, 2:] = codes[:, :halves] | (codes[:, halves:] << 4)
    return encoded.reshape(len(weights), -1), float(
        np.sum(_along(missed, missed), dtype=np.float64)
    )


def _along(one: Floats, other: Floats) -> Floats:
    """The product of each row with the other's."""
    product: Floats = np.einsum("ij,ij->i", one, other)
    return product


def _divided(above: Floats, below: Floats) -> Floats:
    """0 where there is nothing to divide by."""
    return np.divide(above, below, out=np.zeros_like(above), where=below != 0.0)


def main(arguments: Sequence[str]) -> int:
    _, folder = arguments
    try:
        print(requantized(Path(folder)))
    except (LlmWeightsError, FetchError, OSError, ValueError, struct.error) as error:
        print(error, file=sys.stderr)
        return EXIT_FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
