"""Parts of a text that the model speaks well: neither a paragraph at once nor a word alone."""

import re
from collections.abc import Callable
from itertools import pairwise

from workers.engines.word_spans import is_sound

MOST_TOKENS = 80
FEWEST_TOKENS = 20

_SENTENCE_END = re.compile(r"(?<=[.!?;:…])\s+|(?<=[。？！；：])")
_OPENS_CONTROL = re.compile(r"<(?=\|)")


def plain(text: str) -> str:
    """The text without the model's control tokens (`<|endofprompt|>`): people write none."""
    return _OPENS_CONTROL.sub("< ", text)


def in_parts(text: str, token_count: Callable[[str], int]) -> list[str]:
    """Sentences joined up to MOST_TOKENS, the last never shorter than FEWEST_TOKENS if others are.

    A sentence longer than that stays whole. Parts without a letter or digit are left out.
    """
    bounds = [0, *(match.end() for match in _SENTENCE_END.finditer(text)), len(text)]
    parts: list[str] = []
    start = 0
    for previous, end in pairwise(bounds):
        if previous > start and token_count(text[start:end]) > MOST_TOKENS:
            parts.append(text[start:previous])
            start = previous
    last = text[start:]
    if parts and token_count(last) < FEWEST_TOKENS:
        parts[-1] += last
    else:
        parts.append(last)
    return [part.strip() for part in parts if any(map(is_sound, part))]
