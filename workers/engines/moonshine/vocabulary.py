"""Moonshine's vocabulary: token numbers to text.

`tokenizer.bin` holds one entry a token, in their order: its length in a byte (from 128 on in two,
the low seven bits first), then that many bytes.
"""

import re
from collections.abc import Sequence
from pathlib import Path

START, END = 1, 2
_BEGINS_WORD = "▁"
_SPECIAL = frozenset((b"<unk>", b"<s>", b"</s>"))
_TWO_BYTES = 128
_OLD_SPELLING = re.compile(r"\b(to)-(day|night|morrow)\b", re.IGNORECASE)
"""It has learned from old books: "to-morrow"."""


class Vocabulary:
    def __init__(self, file: Path) -> None:
        """Raises OSError, and ValueError for a file that is cut off."""
        self._entries = _entries(file.read_bytes())

    def text(self, tokens: Sequence[int]) -> str:
        """What the tokens say together, in today's spelling; half a character is dropped."""
        joined = b"".join(map(self._bytes, tokens))
        text = joined.decode("utf-8", "ignore").replace(_BEGINS_WORD, " ").strip()
        return _OLD_SPELLING.sub(r"\1\2", text)

    def begins_word(self, token: int) -> bool:
        return self._bytes(token).startswith(_BEGINS_WORD.encode())

    def _bytes(self, token: int) -> bytes:
        """Nothing for markup, and for numbers beyond the vocabulary, which the network has."""
        entry = self._entries[token] if token < len(self._entries) else b""
        return b"" if entry in _SPECIAL or entry.startswith(b"<<") else entry


def _entries(content: bytes) -> list[bytes]:
    entries, position = [], 0
    while position < len(content):
        length = content[position]
        position += 1
        if length >= _TWO_BYTES:
            if position == len(content):
                raise ValueError("the vocabulary is cut off")
            length += (content[position] - 1) * _TWO_BYTES
            position += 1
        entries.append(content[position : position + length])
        position += length
    if position != len(content):
        raise ValueError("the vocabulary is cut off")
    return entries
