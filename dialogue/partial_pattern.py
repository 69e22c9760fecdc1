"""Patterns that also say whether a text may still become a match once more of it has come."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Chars:
    """Part of a pattern: a regular expression for characters, each of which decides by itself."""

    regex: str


@dataclass(frozen=True)
class Exact:
    """Part of a pattern: one of these words, in this case."""

    words: tuple[str, ...]


Part = str | tuple[str, ...] | Chars | Exact
"""Text, one of several texts (each in any case), or characters."""
Found = re.Match[str] | Literal["perhaps"] | None


class PartialPattern:
    """The parts, one after the other. Choices and `Chars` are the match's groups."""

    def __init__(self, *parts: Part) -> None:
        self._full = re.compile("".join(map(_whole, parts)), re.IGNORECASE)
        self._begun = re.compile(_begun(parts), re.IGNORECASE)
        self._grows = isinstance(parts[-1], Chars)

    def at(self, text: str, place: int, *, more: bool) -> Found:
        """The match that begins at `place`; "perhaps" where, if `more` text comes, there may be
        one."""
        if match := self._full.match(text, place):
            return "perhaps" if more and self._grows and match.end() == len(text) else match
        if more and (begun := self._begun.match(text, place)) and begun.end() == len(text):
            return "perhaps"
        return None


def _whole(part: Part) -> str:
    match part:
        case str():
            return re.escape(part)
        case Chars(regex):
            return f"({regex})"
        case Exact(words):
            return f"((?-i:{'|'.join(map(re.escape, words))}))"
        case _:
            return f"({'|'.join(map(re.escape, part))})"


def _begun(parts: Sequence[Part]) -> str:
    """Matches every beginning of the whole that reaches to the end of the text."""
    rest = r"\Z"
    for part in reversed(parts):
        match part:
            case str():
                rest = _letters(part, rest)
            case Chars(regex):
                rest = rf"(?:{regex})(?:{rest}|\Z)"
            case Exact(words):
                branches = (_letters(word, rest, exact=True) for word in words)
                rest = f"(?:{'|'.join(branches)})"
            case _:
                rest = f"(?:{'|'.join(_letters(word, rest) for word in part)})"
        rest = rf"(?:{rest}|\Z)"
    return rest


def _letters(word: str, rest: str, *, exact: bool = False) -> str:
    for letter in reversed(word):
        escaped = re.escape(letter)
        rest = rf"{f'(?-i:{escaped})' if exact else escaped}(?:{rest}|\Z)"
    return rest
