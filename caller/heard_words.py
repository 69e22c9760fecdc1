"""Words said against words heard: where hearing ended, what was lost and what came twice."""

from dataclasses import dataclass
from difflib import SequenceMatcher

import jiwer

from caller.plain_words import plain_words


@dataclass(frozen=True)
class WordErrors:
    """Of a reply as recognition hears it: recognition's own mistakes are among them."""

    said: int
    lost: int
    repeated: int
    """Words too many: said again, or heard where nothing was said."""
    wrong: int


def word_errors(said: str, heard: str) -> WordErrors:
    reference, hypothesis = plain_words(said), plain_words(heard)
    if not reference:
        return WordErrors(0, 0, len(hypothesis.split()), 0)
    output = jiwer.process_words(reference, hypothesis)
    return WordErrors(
        len(reference.split()), output.deletions, output.insertions, output.substitutions
    )


def heard_until(script: str, heard: str) -> int:
    """How many words of the script had been said where `heard` ends.

    `heard` is what recognition makes of the script's beginning. It is aligned as a whole with
    every beginning of the script, and the cheapest is taken, the shortest of equals: mistakes in
    the middle do not count, a word cut in two counts if its beginning is there.
    """
    words, pieces = plain_words(script).split(), plain_words(heard).split()
    costs = [float(count) for count in range(len(words) + 1)]
    for piece in pieces:
        before, costs = costs, [costs[0] + 1]
        for place, word in enumerate(words):
            costs.append(
                min(
                    before[place] + _unlike(word, piece),
                    before[place + 1] + 1,
                    costs[place] + 1,
                )
            )
    return min(range(len(costs)), key=lambda count: (round(costs[count], 6), count))


def _unlike(word: str, piece: str) -> float:
    """0 for the same word, 2 for one that has nothing in common: then one was lost and another
    heard in its place."""
    if word == piece:
        return 0.0
    if word.startswith(piece):
        return 0.5
    return min(2.0, 3 * (1 - SequenceMatcher(a=word, b=piece, autojunk=False).ratio()))
