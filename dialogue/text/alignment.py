"""Gives the readable text the times at which its words are heard."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dialogue.text.spoken import SpokenText
from parley.speech import WordTiming

_LOOK_AHEAD = 4
"""How many words a worker may leave out or split before its words count as lost."""


@dataclass(frozen=True)
class TimedText:
    """A piece of readable text with the samples in which it is heard; None where unknown."""

    text: str
    start_sample: int | None = None
    end_sample: int | None = None


def align(spoken: SpokenText, timings: Sequence[WordTiming]) -> list[TimedText]:
    """The readable text in pieces of a word or so; joined they are `spoken.readable`.

    "$5" is heard while "five" and "dollars" are. A piece of which nothing is heard (an emoji)
    goes with the one before it.
    """
    heard = _heard(spoken, timings)
    pieces: list[TimedText] = []
    lead, used = "", 0
    for match in re.finditer(r"\s*\S+\s*|\s+", spoken.readable):
        first = used
        while used < len(heard) and heard[used][0] < match.end():
            used += 1
        if used > first:
            start, end = heard[first][1].start_sample, heard[used - 1][1].end_sample
            pieces.append(TimedText(lead + match[0], start, end))
            lead = ""
        elif pieces:
            last = pieces[-1]
            pieces[-1] = TimedText(last.text + match[0], last.start_sample, last.end_sample)
        else:
            lead += match[0]
    return pieces or ([TimedText(lead)] if lead else [])


def _heard(spoken: SpokenText, timings: Sequence[WordTiming]) -> list[tuple[int, WordTiming]]:
    """The timed words, each with the readable character where it begins; in order."""
    heard: list[tuple[int, WordTiming]] = []
    at = 0
    for timing in timings:
        ahead = range(at, min(at + _LOOK_AHEAD, len(spoken.words)))
        said = _letters(timing.word)
        found = next((index for index in ahead if _letters(spoken.words[index].text) == said), None)
        if found is None:  # split or spelled otherwise: it stands where its turn is
            found = min(at, len(spoken.words) - 1)
        if found >= 0:
            heard.append((spoken.words[found].start, timing))
            at = found + 1
    return heard


def _letters(word: str) -> str:
    return "".join(character for character in word.casefold() if character.isalnum())
