"""Whether recognized words are the agent's own: compared with what it has just said.

Recognition makes mistakes of an echo, so words are compared by their letters, too.
"""

import re
from difflib import SequenceMatcher

RECENT_WORDS = 40
SAME_SHARE = 0.7
SAME_WORD = 0.75


def repeats(text: str, said: str, *, share: float = SAME_SHARE, shortest: int = 1) -> bool:
    """Whether `text`, of at least `shortest` words, is what the agent has `said` lately: most of
    its words in that order, or most of its letters."""
    words, recent = _words(text), _words(said)[-RECENT_WORDS:]
    if len(words) < max(1, shortest) or not recent:
        return False
    if _same_words(words, recent) >= share * len(words):
        return True
    letters, context = "".join(words), "".join(recent)
    blocks = SequenceMatcher(a=context, b=letters, autojunk=False).get_matching_blocks()
    long_enough = [block for block in blocks if block.size >= 3]
    return sum(block.size for block in long_enough) >= max(share, SAME_WORD) * len(letters)


def _same_words(words: list[str], recent: list[str]) -> int:
    """How many of the words stand in `recent` in the same order, spelled nearly alike."""
    known = [next((near for near in recent if _alike(word, near)), word) for word in words]
    blocks = SequenceMatcher(a=recent, b=known, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks)


def _alike(one: str, other: str) -> bool:
    if one == other:
        return True
    if min(len(one), len(other)) < 4:
        return False
    return SequenceMatcher(a=one, b=other, autojunk=False).ratio() >= SAME_WORD


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+(?:'[^\W_]+)*", text.lower().replace("’", "'"))
