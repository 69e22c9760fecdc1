"""Telling "Hello, are you there?" from a new question, by its words.

Who asks so into the wait for an answer wants to hear that somebody is there, and the answer.
"""

import re
from collections.abc import Sequence

from dialogue.text.languages.language import BackchannelWords, Language

_WORD = re.compile(r"[\w']+")
_LONGEST_PHRASE_WORDS = 6


def asks_presence(text: str, language: Language) -> bool:
    """Whether the words ask nothing but whether anybody is there."""
    words = _WORD.findall(text.lower().replace("-", " ").replace("’", "'"))
    return bool(words) and _only_asks(words, language.backchannels, asked=False)


def _only_asks(words: Sequence[str], listener: BackchannelWords, *, asked: bool) -> bool:
    """Whether the words are such questions one after the other, and at least one of them."""
    if not words:
        return asked
    if words[0] in listener.beside_presence and _only_asks(words[1:], listener, asked=asked):
        return True
    return any(
        " ".join(words[:count]) in listener.presence
        and _only_asks(words[count:], listener, asked=True)
        for count in range(1, min(_LONGEST_PHRASE_WORDS, len(words)) + 1)
    )
