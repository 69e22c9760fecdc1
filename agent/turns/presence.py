"""Telling "Hello, are you there?" from a new question, by its words.

Who asks so into the wait for an answer wants to hear that somebody is there, and the answer.
"""

from collections.abc import Iterator

from agent.turns.backchannels import words_of
from dialogue.text.languages.language import BackchannelWords, Language

_LONGEST_PHRASE_WORDS = 6


def asks_presence(text: str, language: Language) -> bool:
    """Whether the words ask nothing but whether anybody is there."""
    parses = _parses(tuple(words_of(text)), language.backchannels)
    return any(asked and not rest for rest, asked in parses)


def may_ask_presence(text: str, language: Language) -> bool:
    """Whether they may come to ask that, with more words."""
    return any(
        not rest
        or any(phrase.startswith(" ".join(rest) + " ") for phrase in language.backchannels.presence)
        for rest, _ in _parses(tuple(words_of(text)), language.backchannels)
    )


def _parses(
    words: tuple[str, ...], listener: BackchannelWords, *, asked: bool = False
) -> Iterator[tuple[tuple[str, ...], bool]]:
    """What can be left of the words behind such questions and what stands beside them, and whether
    there is a question among these."""
    yield words, asked
    if words and words[0] in listener.beside_presence:
        yield from _parses(words[1:], listener, asked=asked)
    for count in range(1, min(_LONGEST_PHRASE_WORDS, len(words)) + 1):
        if " ".join(words[:count]) in listener.presence:
            yield from _parses(words[count:], listener, asked=True)
