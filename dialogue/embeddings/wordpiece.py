"""Text cut into the word pieces of a BERT vocabulary, as the model was trained on them.

It does what the BertNormalizer, BertPreTokenizer and WordPiece of Hugging Face's tokenizers do
together for an uncased model; a test compares the two.
"""

import unicodedata
from functools import lru_cache
from pathlib import Path

from parley.errors import ModelError

_UNKNOWN, _BEGIN, _END = "[UNK]", "[CLS]", "[SEP]"
_LONGEST_WORD = 100
"""Characters; what is longer is no word, and unknown."""
_REMEMBERED_WORDS = 20_000

# Blocks of ideographs, each of which is a word of its own.
_IDEOGRAPHS = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


class WordPieces:
    """A vocabulary; `ids` may be called by several threads."""

    def __init__(self, vocabulary: Path) -> None:
        """Reads a `vocab.txt`, one piece a line. Raises ModelError where it is not of a BERT."""
        pieces = vocabulary.read_text(encoding="utf-8").split("\n")
        self._ids = {piece: number for number, piece in enumerate(pieces)}
        missing = [piece for piece in (_UNKNOWN, _BEGIN, _END) if piece not in self._ids]
        if missing:
            raise ModelError(f"{vocabulary} is no BERT vocabulary: it has no {missing[0]}")
        self._begin, self._end = self._ids[_BEGIN], self._ids[_END]
        self._of_word = lru_cache(_REMEMBERED_WORDS)(self._pieces_of)

    def ids(self, text: str, limit: int) -> list[int]:
        """The numbers of its pieces between those for beginning and end, at most `limit` in all."""
        found: list[int] = []
        for word in words(text):
            found += self._of_word(word)
            if len(found) >= limit - 2:
                break
        return [self._begin, *found[: limit - 2], self._end]

    def _pieces_of(self, word: str) -> tuple[int, ...]:
        """The longest piece that it begins with, and so on; unknown where there is none."""
        if len(word) > _LONGEST_WORD:
            return (self._ids[_UNKNOWN],)
        found, begin = [], 0
        while begin < len(word):
            prefix = "##" if begin else ""
            for end in range(len(word), begin, -1):
                number = self._ids.get(prefix + word[begin:end])
                if number is not None:
                    found.append(number)
                    begin = end
                    break
            else:
                return (self._ids[_UNKNOWN],)
        return tuple(found)


def words(text: str) -> list[str]:
    """Small letters without accents; each mark of punctuation is a word."""
    if text.isascii():
        plain = text.lower()
    else:
        spaced = "".join(f" {c} " if _is_ideograph(ord(c)) else c for c in text)
        decomposed = unicodedata.normalize("NFD", spaced)
        plain = "".join(c for c in decomposed if unicodedata.category(c) != "Mn").lower()
    return "".join(map(_apart, plain)).split()


@lru_cache(4096)
def _apart(character: str) -> str:
    """The character as it is, with spaces around it, as a space, or left out."""
    if character.isspace():
        return " "
    category = unicodedata.category(character)
    if category.startswith("C") or character == "\ufffd":
        return ""
    ascii_mark = character.isascii() and not character.isalnum()
    return f" {character} " if ascii_mark or category.startswith("P") else character


def _is_ideograph(code: int) -> bool:
    return any(first <= code <= last for first, last in _IDEOGRAPHS)
