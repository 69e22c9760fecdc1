"""A rule of spoken text: what it finds, and how that is said."""

import re
from collections.abc import Callable
from dataclasses import dataclass

_CLOSERS = " \n\"'”’“‘»«)]*_"


@dataclass(frozen=True)
class Rule:
    """`pattern` is matched where a stretch of text is scanned; its groups are unnamed.

    `say` gives the words for a match (empty: nothing is said), or None when the match turns out
    to be something else. Patterns must run in linear time: bound every repetition that another
    one can overlap.
    """

    pattern: re.Pattern[str]
    say: Callable[[re.Match[str]], str | None]


def with_full_stop(words: str, match: re.Match[str]) -> str:
    """The words for an abbreviation; at the end of a text it is also the end of its sentence."""
    at_end = match[0].endswith(".") and not match.string[match.end() :].strip(_CLOSERS)
    return words + "." if at_end else words


def rule(pattern: str, say: Callable[[re.Match[str]], str | None] | str, *, flags: int = 0) -> Rule:
    """A rule from a pattern and a function or a constant."""
    words = (lambda _: say) if isinstance(say, str) else say
    return Rule(re.compile(pattern, flags), words)
