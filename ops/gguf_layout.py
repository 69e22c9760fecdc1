"""Where the tensors of a GGUF file are (ggml-org's format, versions 2 and 3).

gguf's own reader makes objects of each of 150,000 tokens: twelve seconds of a first start.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from mmap import mmap
from struct import calcsize, unpack_from
from types import MappingProxyType
from typing import Any

import gguf
import numpy as np
import numpy.typing as npt

_SCALARS = MappingProxyType(
    {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
)
"""Types of values, as struct writes them."""
_STRING, _ARRAY = 8, 9
_ALIGNMENT = 32


@dataclass(frozen=True)
class GgufTensor:
    """`shape`: columns first. `kind_at`: where its type and place stand in the header."""

    name: str
    shape: tuple[int, ...]
    kind: gguf.GGMLQuantizationType
    kind_at: int
    begins_at: int

    def raw(self, data: mmap) -> npt.NDArray[np.uint8]:
        """Its bytes, [rows, bytes of a row]."""
        block, block_bytes = gguf.GGML_QUANT_SIZES[self.kind]
        row_bytes = self.shape[0] // block * block_bytes
        count = prod(self.shape[1:]) * row_bytes
        copied = np.frombuffer(data[self.begins_at : self.begins_at + count], np.uint8)
        return copied.reshape(-1, row_bytes)


@dataclass(frozen=True)
class GgufLayout:
    """Of one file. `data_from`: where the header ends and the tensors begin."""

    tensors: Sequence[GgufTensor]
    data_from: int
    alignment: int

    @classmethod
    def of(cls, data: mmap) -> "GgufLayout":
        """Raises ValueError and struct.error for what is no such file."""
        header = _Header(data)
        if data[:4] != b"GGUF" or header.take("I", at=4) not in (2, 3):
            raise ValueError("it is no GGUF file of version 2 or 3")
        tensor_count, value_count = header.take("Q"), header.take("Q")
        alignment = _ALIGNMENT
        for _ in range(value_count):
            name = header.text()
            value = header.value(header.take("I"))
            alignment = int(value) if name == "general.alignment" else alignment
        found = [header.tensor() for _ in range(tensor_count)]
        data_from = header.at + -header.at % alignment
        tensors = [
            GgufTensor(name, shape, gguf.GGMLQuantizationType(kind), at, data_from + place)
            for name, shape, kind, at, place in found
        ]
        return cls(tensors, data_from, alignment)


class _Header:
    """Reads one thing after the other."""

    def __init__(self, data: mmap) -> None:
        self._data = data
        self.at = 4

    def take(self, kind: str, *, at: int | None = None) -> Any:
        if at is not None:
            self.at = at
        (value,) = unpack_from("<" + kind, self._data, self.at)
        self.at += calcsize("<" + kind)
        return value

    def text(self) -> str:
        length = self.take("Q")
        self.at += length
        return self._data[self.at - length : self.at].decode("utf-8", "replace")

    def value(self, kind: int) -> Any:
        """A scalar; of all else nothing but its end is of use."""
        if kind == _STRING:
            length = self.take("Q")
            self.at += length
            return None
        if kind != _ARRAY:
            return self.take(_scalar(kind))
        inner, count = self.take("I"), self.take("Q")
        if inner in (_STRING, _ARRAY):
            for _ in range(count):
                self.value(inner)
        else:
            self.at += count * calcsize("<" + _scalar(inner))
        return None

    def tensor(self) -> tuple[str, tuple[int, ...], int, int, int]:
        name = self.text()
        shape = tuple(self.take("Q") for _ in range(self.take("I")))
        at = self.at
        return name, shape, self.take("I"), at, self.take("Q")


def _scalar(kind: int) -> str:
    if kind not in _SCALARS:
        raise ValueError(f"it has a value of type {kind}, which GGUF does not know")
    return _SCALARS[kind]
