"""all-MiniLM-L6-v2, a sentence encoder, in numpy: six BERT layers, the mean of their tokens.

Its weights stay in the file, mapped into memory and shared by all processes of a machine; nothing
but numpy computes with them, so the engine needs no inference library for it. Source of the
model: https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0).
"""

import json
import math
import mmap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from dialogue.embeddings.wordpiece import WordPieces
from parley.errors import ModelError

Vectors: TypeAlias = npt.NDArray[np.float32]

NAME = "all-minilm-l6-v2"
"""In the manifest of models, and of the vectors that it made."""
DIMENSIONS = 384
LONGEST_TOKENS = 256
"""What comes behind is not read; the model was trained on fewer."""
BATCH_TOKENS = 2048
"""Computed at once; more does not make a token cheaper, and takes more memory."""

_LAYERS, _HEADS = 6, 12
_EPSILON = 1e-12


# Inside, what is computed has the features first, [features, tokens of all sentences]: so each
# product is weight·x with both as they lie in memory, a third faster than with the tokens first.


@dataclass(frozen=True)
class _Linear:
    """x ↦ weight·x + bias; the weight is stored as [out, in]."""

    weight: Vectors
    bias: Vectors

    def __call__(self, x: Vectors) -> Vectors:
        y: Vectors = self.weight @ x
        y += self.bias[:, None]
        return y


@dataclass(frozen=True)
class _Norm:
    scale: Vectors
    bias: Vectors

    def __call__(self, x: Vectors) -> Vectors:
        centered = x - x.mean(axis=0)
        variance = np.einsum("ft,ft->t", centered, centered) / len(x)
        centered *= 1.0 / np.sqrt(variance + _EPSILON)
        centered *= self.scale[:, None]
        centered += self.bias[:, None]
        result: Vectors = centered
        return result


@dataclass(frozen=True)
class _Layer:
    query: _Linear
    key: _Linear
    value: _Linear
    attended: _Linear
    attended_norm: _Norm
    wide: _Linear
    narrow: _Linear
    norm: _Norm

    def __call__(self, x: Vectors, sentences: int, mask: Vectors | None) -> Vectors:
        """`x` [384, sentences * tokens]; `mask` [sentences, tokens] is −∞ at padding."""
        # [heads, sentences, 32, tokens]
        split = (_HEADS, DIMENSIONS // _HEADS, sentences, -1)
        q, k, v = (
            part(x).reshape(split).swapaxes(1, 2) for part in (self.query, self.key, self.value)
        )
        scores = q.swapaxes(-1, -2) @ k
        scores *= 1.0 / math.sqrt(DIMENSIONS // _HEADS)
        if mask is not None:
            scores += mask[:, None, :]
        seen = v @ _softmax(scores).swapaxes(-1, -2)
        seen = seen.swapaxes(1, 2).reshape(x.shape)
        x = self.attended_norm(self.attended(seen) + x)
        result: Vectors = self.norm(self.narrow(_gelu(self.wide(x))) + x)
        return result


class MiniLm:
    """The model; `encode` may be called by several threads at once."""

    def __init__(self, folder: Path) -> None:
        """Reads `vocab.txt` and maps `model.safetensors`. Raises ModelError for another model's."""
        self._pieces = WordPieces(folder / "vocab.txt")
        tensors = _mapped(folder / "model.safetensors")
        try:
            self._words = tensors["embeddings.word_embeddings.weight"]
            self._places = (
                tensors["embeddings.position_embeddings.weight"]
                + tensors["embeddings.token_type_embeddings.weight"][0]
            )
            self._norm = _norm(tensors, "embeddings.LayerNorm")
            self._layers = tuple(_layer(tensors, f"encoder.layer.{n}") for n in range(_LAYERS))
        except KeyError as error:
            raise ModelError(f"the model in {folder} is no MiniLM: it has no {error}") from None

    def encode(self, texts: Sequence[str]) -> Vectors:
        """A unit vector a text, as rows of [len(texts), 384]. Blocks: call it in a thread."""
        tokens = [self._pieces.ids(text, LONGEST_TOKENS) for text in texts]
        vectors = np.empty((len(texts), DIMENSIONS), dtype=np.float32)
        for batch in _batches(tokens):
            vectors[batch] = self._encode([tokens[n] for n in batch])
        return vectors

    def _encode(self, tokens: Sequence[Sequence[int]]) -> Vectors:
        lengths = np.array([len(each) for each in tokens])
        longest = int(lengths.max())
        ids = np.zeros((len(tokens), longest), dtype=np.int64)
        for row, each in zip(ids, tokens, strict=True):
            row[: len(each)] = each
        is_token = np.arange(longest) < lengths[:, None]
        padded = not bool(is_token.all())
        mask = np.where(is_token, 0.0, -1e9).astype(np.float32) if padded else None
        placed = self._words[ids] + self._places[:longest]
        x = self._norm(np.ascontiguousarray(placed.reshape(-1, DIMENSIONS).T))
        for layer in self._layers:
            x = layer(x, len(tokens), mask)
        by_sentence = x.reshape(DIMENSIONS, *ids.shape)
        if padded:
            by_sentence = by_sentence * is_token
        # The mean's divisor is lost in the length of one.
        total = by_sentence.sum(axis=2).T
        unit: Vectors = total / np.linalg.norm(total, axis=1, keepdims=True)
        return unit


def _batches(tokens: Sequence[Sequence[int]]) -> Iterable[list[int]]:
    """Places of texts of like length, in batches of BATCH_TOKENS with their padding."""
    batch: list[int] = []
    for place in sorted(range(len(tokens)), key=lambda n: len(tokens[n])):
        if batch and (len(batch) + 1) * len(tokens[place]) > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def _softmax(scores: Vectors) -> Vectors:
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=-1, keepdims=True)
    return scores


def _gelu(x: Vectors) -> Vectors:
    """x·Φ(x), its erf by Abramowitz and Stegun 7.1.26: wrong by 1.5e-7 at most."""
    z = np.abs(x)
    z *= math.sqrt(0.5)
    t = 1.0 / (1.0 + 0.3275911 * z)
    tail = t * 1.061405429
    for term in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        tail += term
        tail *= t
    z *= z
    np.negative(z, out=z)
    np.exp(z, out=z)
    tail *= z
    erf = np.copysign(1.0 - tail, x)
    erf += 1.0
    erf *= x
    erf *= 0.5
    result: Vectors = erf
    return result


def _mapped(file: Path) -> dict[str, Vectors]:
    """The float32 tensors of a safetensors file, read only and not read before they are used."""
    with file.open("rb") as stream:
        data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    header_bytes = int.from_bytes(data[:8], "little")
    begin = 8 + header_bytes
    try:
        header = json.loads(data[8:begin])
    except ValueError:
        raise ModelError(f"{file} is no safetensors file") from None
    return {
        name: np.frombuffer(
            data,
            np.float32,
            count=math.prod(tensor["shape"]),
            offset=begin + tensor["data_offsets"][0],
        ).reshape(tensor["shape"])
        for name, tensor in header.items()
        if name != "__metadata__" and tensor["dtype"] == "F32"
    }


def _linear(tensors: dict[str, Vectors], name: str) -> _Linear:
    return _Linear(tensors[f"{name}.weight"], tensors[f"{name}.bias"])


def _norm(tensors: dict[str, Vectors], name: str) -> _Norm:
    return _Norm(tensors[f"{name}.weight"], tensors[f"{name}.bias"])


def _layer(tensors: dict[str, Vectors], name: str) -> _Layer:
    return _Layer(
        query=_linear(tensors, f"{name}.attention.self.query"),
        key=_linear(tensors, f"{name}.attention.self.key"),
        value=_linear(tensors, f"{name}.attention.self.value"),
        attended=_linear(tensors, f"{name}.attention.output.dense"),
        attended_norm=_norm(tensors, f"{name}.attention.output.LayerNorm"),
        wide=_linear(tensors, f"{name}.intermediate.dense"),
        narrow=_linear(tensors, f"{name}.output.dense"),
        norm=_norm(tensors, f"{name}.output.LayerNorm"),
    )
