"""Two rankings made one, and the words that full text is asked for."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

RANK_CONSTANT = 60
"""k of reciprocal rank fusion, as its paper has it (Cormack, Clarke and Büttcher, 2009)."""
MOST_WORDS = 32

_WORD = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*", re.UNICODE)
_COMMON = frozenset(
    "a about am an and any are as at be been but by can could did do does for from had has have "
    "how i if in is it its just like me my no not of on or our please so some tell than that the "
    "their them then there these they this to us want was we were what when where which who whom "
    "whose why will with would you your i'm i'd what's".split()
)


def fused(rankings: Iterable[Sequence[int]]) -> list[tuple[int, float]]:
    """(number, score) by reciprocal rank, best first; equal ones in the first ranking's order."""
    scores: dict[int, float] = defaultdict(float)
    for ranking in rankings:
        for rank, number in enumerate(ranking, start=1):
            scores[number] += 1.0 / (RANK_CONSTANT + rank)
    return sorted(scores.items(), key=lambda item: -item[1])


def query_words(text: str) -> list[str]:
    """The words that tell passages apart, each once."""
    words = dict.fromkeys(word.lower().replace("’", "'") for word in _WORD.findall(text))
    return [word for word in words if word not in _COMMON][:MOST_WORDS]
