"""Word timings of a voice that tells none: shares by length, corrected as the speech appears."""

from collections.abc import Sequence

from workers.engines.tts_engine import SpokenWord
from workers.engines.word_spans import proportional_words


class WordEstimate:
    """Places the words of one text, each before its audio.

    A word's place is settled when the audio that it begins in is about to be sent. Those that
    are left share what is left of the speech by their length in characters, so that a wrong
    expectation is corrected as the end becomes known; the last word ends with the speech.
    """

    def __init__(self, text: str, *, start_sample: int = 0) -> None:
        self._words: Sequence[str] = text.split()
        self._settled_sample = start_sample

    def until(
        self, sample: int, *, known_end: int, expected_end: int | None = None
    ) -> tuple[SpokenWord, ...]:
        """The words that begin before `sample`.

        The speech is known to last to `known_end` at least, and expected to `expected_end`; the
        last word is kept back. With None it ends at `known_end`: all that are left are given.
        """
        weights = [len(word) + 1 for word in self._words]  # a space sounds, too
        end = max(known_end, expected_end or 0, self._settled_sample)
        placed = proportional_words(self._words, weights, self._settled_sample, end)
        if expected_end is not None:
            placed = tuple(
                SpokenWord(word.word, word.start_sample, min(word.end_sample, known_end))
                for word in placed[:-1]
                if word.start_sample < sample
            )
        if placed:
            self._words = self._words[len(placed) :]
            self._settled_sample = placed[-1].end_sample
        return placed
