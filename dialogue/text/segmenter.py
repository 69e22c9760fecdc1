"""Cuts a reply that is still being written into stretches to speak.

The first stretch is two or three words, so that the voice can start early; then they grow by
clauses to sentences, which sound better. A stretch is an exact slice of the text: joined, they
are the text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dialogue.text.languages.english import LANGUAGE as ENGLISH
from dialogue.text.languages.language import Language, SegmentWords

MAX_STRETCH_CHARS = 400
"""Longer stretches are cut wherever they are: workers take 2,000 characters, voices far fewer."""
_OPEN_SPAN_CHARS = 200
"""How long an opened `<`, `[`, `*` or `$` may keep a stretch from being cut."""


@dataclass(frozen=True)
class _Limits:
    """From how many words on a stretch may end at a clause, and at any natural place."""

    clause_words: int
    any_words: int


_GROWTH = (_Limits(3, 8), _Limits(4, 14), _Limits(8, 26), _Limits(12, 40))

_WORD = re.compile(r"\s*[^\s。！？；，]*(?:[。！？；，]+[”’」』）》]*\s*|\s+)")
_OPEN_SPAN = re.compile(
    r"<[A-Za-z/!][^<>]*$|\[[^\[\]]*$|【[^【】]*$|(?<!\S)\*[a-z][^*\n]{0,40}$|"
    r"\\\((?:(?!\\\)).)*$|\\\[(?:(?!\\\]).)*$|\$\$[^$]*$|"
    r"\\begin\{(?:(?!\\end\{).)*$|"
    r"(?<![\w$])\$(?=[A-Za-z\\]|\d+[^$\n]*\\)[^$\n]*$"
)
_SHORT_WORDS = 3
"""A stretch of fewer words ends in none that what follows may change: "Mar" before "3"."""
_OPERATORS = frozenset("=+*/×−")
_CLOSERS = "\"'”’“‘)]}»«*_`"
_OPENERS = "\"'“‘„‚»«([{*_`"


class ClauseSegmenter:
    """Push text as it comes; each call returns the stretches that are ready to speak.

    `first_flush_words` is the number of words after which the first stretch may end anywhere
    natural. Not safe for use by several tasks.
    """

    def __init__(self, first_flush_words: int, language: Language = ENGLISH) -> None:
        self._known = language.segments
        self._first = _Limits(min(2, first_flush_words), first_flush_words)
        self._text = ""
        self._stretches = 0

    def push(self, text: str) -> list[str]:
        self._text += text
        return self._cut(final=False)

    def phrase(self, least_words: int, *, anywhere: bool = False) -> list[str]:
        """The writer is slow: what there is up to the last natural place, if it has so many
        words; `anywhere`: up to the last whole word, where there is no such place."""
        natural, last, words = 0, 0, 0
        for match in _words(self._text, 0, len(self._text)):
            word, end = match[0], match.end()
            words += bool(word.strip())
            ends_clause = _ends_clause(word, self._text[end : end + 1], self._known)
            if (words < least_words and not ends_clause) or _open_span(self._text[:end]):
                continue
            last = end
            if not _clings(word, self._text[end : end + 1], self._known):
                natural = end
        if not (place := natural or (last if anywhere else 0)) or not self._text[:place].strip():
            return []
        stretch, self._text = self._text[:place], self._text[place:]
        self._stretches += 1
        return [stretch]

    def finish(self) -> list[str]:
        """The text has ended: all that is left."""
        stretches = self._cut(final=True)
        rest, self._text = self._text, ""
        return [*stretches, rest] if rest else stretches

    def _cut(self, *, final: bool) -> list[str]:
        stretches, start = [], 0
        while (end := self._end_of_stretch(start, final=final)) is not None:
            stretches.append(self._text[start:end])
            self._stretches += 1
            start = end
        self._text = self._text[start:]
        return stretches

    def _limits(self) -> _Limits:
        if not self._stretches:
            return self._first
        return _GROWTH[min(self._stretches, len(_GROWTH)) - 1]

    def _end_of_stretch(self, start: int, *, final: bool) -> int | None:
        """Where the stretch that begins at `start` ends; None while that cannot be told."""
        limits, natural, known = self._limits(), None, self._known
        limit = start + MAX_STRETCH_CHARS
        words = 0
        for match in _words(self._text, start, limit):
            word, end = match[0], match.end()
            words += bool(word.strip())
            if end == len(self._text) and not final and _needs_next_character(word, known):
                break
            if not words or _open_span(self._text[start:end]):
                continue
            next_character = self._text[end : end + 1]
            if _ends_sentence(word, next_character, known, first=words == 1):
                return end
            if words >= limits.clause_words and _ends_clause(word, next_character, known):
                return end
            clings = _clings(word, next_character, known)
            clings |= words < _SHORT_WORDS and _may_change(word, known)
            if not clings and words >= min(2, limits.any_words):
                natural = end
            if words >= limits.any_words and natural is not None:
                return natural
        if len(self._text) >= limit:
            return natural or limit
        return None


def ends_sentence(stretch: str, language: Language = ENGLISH) -> bool:
    """Whether the last word of a stretch, as far as that alone tells, ends a sentence."""
    words = [match[0] for match in _words(stretch + " ", 0, len(stretch) + 1) if match[0].strip()]
    if not words:
        return False
    known, before = language.segments, words[-2:-1]
    first = not before or _ends_sentence(before[0], "", known, first=len(words) == 2)
    return _ends_sentence(words[-1], "", known, first=first)


def _words(text: str, start: int, limit: int) -> Iterator[re.Match[str]]:
    """The whole words between `start` and `limit`, each with the space that follows it."""
    while match := _WORD.match(text, start, limit):
        yield match
        start = match.end()


def _ends_sentence(word: str, next_character: str, known: SegmentWords, *, first: bool) -> bool:
    word = word.lstrip() or word
    bare = word.rstrip().rstrip(_CLOSERS)
    if bare.endswith("!") and bare[-2:-1].isdigit() and next_character in _OPERATORS:
        return False  # a factorial
    if "\n" in word or bare.endswith(("!", "?", "。", "！", "？")):
        return True
    if bare.endswith(("…", "..")):
        return not next_character.islower()
    stem = bare[:-1].lstrip(_OPENERS).casefold()
    if stem in known.ending_abbreviations:
        return next_character.isupper()
    is_initial = len(stem) == 1 and stem.isalpha() and stem != "i"
    is_marker = (first or known.dotted_ordinals) and stem.isdigit() and len(stem) <= 2
    return bare.endswith(".") and not (known.abbreviates(stem) or is_initial or is_marker)


def _ends_clause(word: str, next_character: str, known: SegmentWords) -> bool:
    bare = word.rstrip().rstrip(_CLOSERS)
    if bare.endswith(("—", "–", ";", "；", "，", "…", "..")):
        return True
    if not bare.endswith((",", ":")):
        return False
    stem = bare[:-1]
    if known.abbreviates(stem.rstrip(".").casefold()):
        return False
    return not (stem[-1:].isdigit() and next_character.isdigit())  # "March 5, 2024"


def _needs_next_character(word: str, known: SegmentWords) -> bool:
    """Whether only what follows tells if the word ends a clause."""
    bare = word.rstrip().rstrip(_CLOSERS)
    stem = bare[:-1]
    return (
        bare.endswith(("…", ".."))
        or (bare.endswith(".") and stem.casefold() in known.ending_abbreviations)
        or (bare.endswith((",", ":", "!")) and stem[-1:].isdigit())
    )


def _clings(word: str, next_character: str, known: SegmentWords) -> bool:
    bare = word.strip()
    stem = bare.casefold().strip(_OPENERS)
    if stem in known.clinging or (stem.endswith(".") and known.abbreviates(stem[:-1])):
        return True
    if known.dotted_ordinals and stem[-1:] == "." and stem[:-1].isdigit():
        return True
    if stem[-1:].isdigit():  # its unit, its month or "million" follows
        return True
    if stem[:1].isdigit() and stem.endswith(("st", "nd", "rd", "th")):  # of a month, or "Street"
        return True
    if stem[-1:] in (",", ":") and stem[-2:-1].isdigit() and next_character.isdigit():
        return True
    return not any(character.isalnum() for character in stem)


def _may_change(word: str, known: SegmentWords) -> bool:
    """Whether it may be a name, a month or a numeral, which is said as what follows has it."""
    bare = word.strip().lstrip(_OPENERS)
    is_capitalized = bare[:1].isupper() and not known.capitalized_nouns
    return is_capitalized or any(character.isdigit() for character in bare)


def _open_span(text: str) -> bool:
    """Whether the text ends within what must stay whole: a tag, the text of a link, a citation,
    a stage direction, a formula."""
    return _OPEN_SPAN.search(text[-_OPEN_SPAN_CHARS:]) is not None
