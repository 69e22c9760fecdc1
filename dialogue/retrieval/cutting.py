"""Documents cut into passages: a few sentences of one part, short enough to be read in a prompt."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dialogue.retrieval.documents import FolderDocument

RULES = 1
"""Counted up whenever the same document is cut in another way: indexes are made anew."""
LONGEST_WORDS = 110
"""Of a passage: some 150 tokens, of which the encoder reads 256."""
OVERLAP_WORDS = 25
"""The last sentence of a passage begins the next one too, if it is no longer than this."""

_SENTENCE_END = re.compile(r"(?<=[.!?:;])\s+(?=\S)|\n\s*\n+")


@dataclass(frozen=True)
class CutPassage:
    """`context` is what it is about: title and heading; it is indexed with the text."""

    source: str
    context: str
    text: str

    @property
    def whole(self) -> str:
        return f"{self.context}: {self.text}"


def cut(document: FolderDocument) -> Iterator[CutPassage]:
    """The passages of a document, in their order."""
    for part in document.parts:
        same = part.heading.casefold() == document.title.casefold()
        context = (
            document.title if same or not part.heading else f"{document.title}, {part.heading}"
        )
        source = f"{document.path}#{part.heading}" if part.heading else document.path
        for text in _cut_text(part.text):
            yield CutPassage(source, context, text)


def _cut_text(text: str) -> Iterator[str]:
    passage: list[str] = []
    length, fresh = 0, False
    for sentence in _sentences(text):
        words = len(sentence.split())
        if passage and length + words > LONGEST_WORDS:
            yield " ".join(passage)
            last = len(passage[-1].split())
            keeps = last <= OVERLAP_WORDS and last + words <= LONGEST_WORDS
            passage, length = (passage[-1:], last) if keeps else ([], 0)
        passage.append(sentence)
        length += words
        fresh = True
    if fresh:
        yield " ".join(passage)


def _sentences(text: str) -> Iterator[str]:
    """Sentences; those that are longer than a passage in pieces."""
    for sentence in _SENTENCE_END.split(text):
        words = sentence.split()
        for begin in range(0, len(words), LONGEST_WORDS):
            yield " ".join(words[begin : begin + LONGEST_WORDS])
