"""Loops: text that a model writes over and over though it was said once."""

import zlib
from collections.abc import Sequence

_LEAST_REPEATS = 3
_LEAST_REPEATED_TOKENS = 9
_TWICE_REPEATED_TOKENS = 6
_COMPRESSION_RATIO = 2.4  # OpenAI's own limit


def is_loop(tokens: Sequence[int], text: str) -> bool:
    """Whether some tokens are said over and over, or the text compresses as if they were."""
    size = len(text.encode())
    if size and size / len(zlib.compress(text.encode())) > _COMPRESSION_RATIO:
        return True
    return any(_repeats(tokens, length) for length in range(1, len(tokens) // 2 + 1))


def _repeats(tokens: Sequence[int], length: int) -> bool:
    """Whether so many tokens come again at once, too often to be meant."""
    needed = max((_LEAST_REPEATS - 1) * length, _LEAST_REPEATED_TOKENS - length)
    if length >= _TWICE_REPEATED_TOKENS:
        needed = length
    same = 0
    for position in range(length, len(tokens)):
        same = same + 1 if tokens[position] == tokens[position - length] else 0
        if same >= needed:
            return True
    return False
