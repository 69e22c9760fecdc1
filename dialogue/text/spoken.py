"""Turns readable text into words to speak, each knowing the characters that it speaks."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from dialogue.text.languages.english import LANGUAGE as ENGLISH
from dialogue.text.languages.language import Language
from dialogue.text.languages.rules.rule import Rule
from dialogue.text.languages.rules.scripts import NOT_LATIN, script_of

LONGEST_TEXT = 2000
"""Characters of one text that workers take. A stretch is far shorter, but what is said of it need
not be: 400 digits are as many words."""
_FENCE = "```"
_JOINERS = frozenset("'-&")
"""Spoken only within a word: don't, re-enter, AT&T."""
_PUNCTUATION = frozenset(".,;:!?…。，！？；、")
"""What a voice makes a pause or a tone of; other punctuation is left out."""
_PLAIN = str.maketrans({"’": "'", "‘": "'", "–": "-", "‑": "-", "‐": "-"})
_TOKEN = re.compile(r"(?:[^\s(){}\[\]<>|\\/\"“”«»=+^]|(?<!\w)[^\s\w]|[^\s\w](?!\w))+")
"""What stands without space, parted where brackets or signs stand between letters: `f(x)`."""
_LOOK_BEHIND_CHARS = 64
"""How much of what was said before a stretch its rules can see: "code is" | "4821"."""
_UNSPEAKABLE = frozenset(("So", "Sk", "Sm", "Sc", "Cs", "Co", "Cn", "Cc", "Cf", "Me"))


@dataclass(frozen=True)
class ReadWord:
    """`text` speaks the characters `start` to `end` (exclusive) of the readable text."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class SpokenText:
    """`readable` is the text as written; `words` what is said of it, in order."""

    readable: str
    words: tuple[ReadWord, ...]

    @property
    def text(self) -> str:
        """What a voice is given; empty when there is nothing to say."""
        return " ".join(word.text for word in self.words)


def within(spoken: SpokenText, longest: int = LONGEST_TEXT) -> list[SpokenText]:
    """The same in pieces whose texts have no more characters than `longest`.

    Joined, what is readable of them is `spoken.readable`: characters that several words speak go
    with the first of those.
    """
    if len(spoken.text) <= longest:
        return [spoken]
    groups: list[list[ReadWord]] = [[]]
    length = 0
    for word in (part for each in spoken.words for part in _parts(each, longest)):
        if groups[-1] and length + 1 + len(word.text) > longest:
            groups.append([])
        length = len(word.text) + (length + 1 if groups[-1] else 0)
        groups[-1].append(word)
    ends = [max(one[-1].end, other[0].start) for one, other in pairwise(groups)]
    cuts = [0, *ends, len(spoken.readable)]
    return [
        SpokenText(
            spoken.readable[begin:end],
            tuple(
                ReadWord(word.text, max(0, word.start - begin), max(0, word.end - begin))
                for word in group
            ),
        )
        for group, (begin, end) in zip(groups, pairwise(cuts), strict=True)
    ]


def _parts(word: ReadWord, longest: int) -> list[ReadWord]:
    """A word that no worker would take, in pieces."""
    return [
        ReadWord(word.text[at : at + longest], word.start, word.end)
        for at in range(0, len(word.text), longest)
    ]


class TextSpeaker:
    """Says the stretches of one reply in order; keeps silent within blocks of code, and says only
    once that there are words that its language's voices cannot read."""

    def __init__(self, language: Language = ENGLISH) -> None:
        self._said_of_code = language.spoken.code_phrase.split()
        self._unreadable = dict(language.spoken.unreadable)
        self._told_of = set[str]()
        self._rules = language.spoken.rules
        if self._unreadable:
            self._rules += (Rule(NOT_LATIN, self._of_unreadable),)
        self._in_code = False
        self._before = ""

    def speak(self, readable: str) -> SpokenText:
        """The words for the next stretch. Never raises; takes linear time."""
        words: list[ReadWord] = []
        at = 0
        for index, part in enumerate(readable.split(_FENCE)):
            if index:
                self._in_code = not self._in_code
                if self._in_code:
                    words += (ReadWord(word, at, at + 3) for word in self._said_of_code)
                at += len(_FENCE)
            if not self._in_code:
                words += _words(self._before, part, at, self._rules)
                self._before = (self._before + part)[-_LOOK_BEHIND_CHARS:]
            at += len(part)
        return SpokenText(readable, tuple(words))

    def _of_unreadable(self, match: re.Match[str]) -> str | None:
        script = script_of(match[0])
        phrase = self._unreadable.get(script)
        if phrase is None:
            return None
        if script in self._told_of:
            return ""
        self._told_of.add(script)
        return phrase


def _words(before: str, part: str, offset: int, rules: tuple[Rule, ...]) -> list[ReadWord]:
    """Of `part`; `before` it stands what was said already, for rules that look behind."""
    words: list[ReadWord] = []
    glued = False  # whether the last word and what follows stand without space between them
    readable = before + part
    offset -= len(before)
    for start, end, said in _pieces(readable, len(before), rules):
        text = readable[start:end] if said is None else said
        for match in _TOKEN.finditer(text):
            span = (start + match.start(), start + match.end()) if said is None else (start, end)
            word = ReadWord(_cleaned(match[0]), offset + span[0], offset + span[1])
            _append(words, word, glued=glued and match.start() == 0)
        if text:
            glued = said is not None or not text[-1].isspace()
    return words


def _append(words: list[ReadWord], word: ReadWord, *, glued: bool) -> None:
    if any(character.isalnum() for character in word.text):
        words.append(word)
    elif word.text and words and (glued or word.text[0] in ",.;:!?…"):
        last, mark = words[-1], word.text[0]  # punctuation belongs to the word before it
        if last.text[-1] not in _PUNCTUATION or (mark == "," and last.text[-1] == "."):
            words[-1] = ReadWord(last.text + mark, last.start, word.end)


def _cleaned(token: str) -> str:
    """Without what a voice cannot say or would spell out: emoji, brackets, asterisks."""
    token = token.translate(_PLAIN)
    return "".join(
        character for at, character in enumerate(token) if _is_spoken(character, token, at)
    )


def _is_spoken(character: str, token: str, at: int) -> bool:
    if character in _JOINERS:
        return token[at - 1 : at].isalnum() and token[at + 1 : at + 2].isalnum()
    if character in _PUNCTUATION:
        return True
    category = unicodedata.category(character)
    return not (
        category in _UNSPEAKABLE
        or category.startswith("P")
        or 0xFE00 <= ord(character) <= 0xFE0F  # variation selectors
    )


def _pieces(
    readable: str, begin: int, rules: tuple[Rule, ...]
) -> Iterator[tuple[int, int, str | None]]:
    """The text from `begin` to its end: (start, end, words), None for what is said as it stands."""
    matches = [rule.pattern.search(readable, begin) for rule in rules]
    plain = begin
    while (index := _earliest(matches)) is not None:
        match = matches[index]
        assert match is not None
        said = rules[index].say(match)
        if said is None:  # something else after all: look for this rule further on
            matches[index] = rules[index].pattern.search(readable, match.start() + 1)
            continue
        if plain < match.start():
            yield plain, match.start(), None
        yield match.start(), match.end(), said
        plain = match.end()
        for at, other in enumerate(matches):
            if other is not None and other.start() < plain:
                matches[at] = rules[at].pattern.search(readable, plain)
    if plain < len(readable):
        yield plain, len(readable), None


def _earliest(matches: list[re.Match[str] | None]) -> int | None:
    """Index of the match that starts first; of the first rule where several do."""
    return min(
        (index for index, match in enumerate(matches) if match is not None),
        key=lambda index: matches[index].start(),  # type: ignore[union-attr]
        default=None,
    )
