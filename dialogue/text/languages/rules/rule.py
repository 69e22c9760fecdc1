"""A rule of spoken text: what it finds, and how that is said."""

import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """`pattern` is matched where a stretch of text is scanned; its groups are unnamed.

    `say` gives the words for a match (empty: nothing is said), or None when the match turns out
    to be something else. Patterns must run in linear time: bound every repetition that another
    one can overlap.
    """

    pattern: re.Pattern[str]
    say: Callable[[re.Match[str]], str | None]


def rule(pattern: str, say: Callable[[re.Match[str]], str | None] | str, *, flags: int = 0) -> Rule:
    """A rule from a pattern and a function or a constant."""
    words = (lambda _: say) if isinstance(say, str) else say
    return Rule(re.compile(pattern, flags), words)
