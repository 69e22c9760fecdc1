"""Text to the ids that Kokoro takes, with the way back to the words of the text.

hibari's phonemizer writes the alphabet that Kokoro was trained with, and needs no GPL.
"""

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from hibari import Hibari
from hibari.g2p import G2P

from workers.engines.word_spans import (
    PlacedWord,
    Span,
    is_sound,
    place_words,
    split_at_pauses,
)

Ids = npt.NDArray[np.int64]

MAX_PHONEMES = 400
"""A longer sentence is split: no voice has a style for more than 510 ids."""

_WORD_CACHE = 4096


@dataclass(frozen=True)
class PhonemeSentence:
    """One run of the encoder. `id_spans` is each phoneme's half-open range of `ids`."""

    phonemes: tuple[str, ...]
    ids: Ids
    id_spans: tuple[Span, ...]

    @property
    def sounds(self) -> Span:
        """The range of phonemes from the first to the last that is heard."""
        heard = [
            index
            for index, (phoneme, (start, end)) in enumerate(
                zip(self.phonemes, self.id_spans, strict=True)
            )
            if is_sound(phoneme) and start < end
        ]
        return heard[0], heard[-1] + 1


class EnglishPhonemizer:
    """English, in the American or the British way; threads may share it."""

    def __init__(self, *, british: bool) -> None:
        self._hibari = Hibari(g2p=G2P(british=british))
        self._phonemes_of_word = functools.lru_cache(_WORD_CACHE)(self._alone)

    def sentences(self, text: str) -> list[PhonemeSentence]:
        """What is heard of the text; nothing for text without a sound."""
        parts = (
            part
            for whole in self._hibari.phonemize(text)
            for part in split_at_pauses(whole, most=MAX_PHONEMES)
        )
        return [self._sentence(part) for part in parts if any(map(self._is_heard, part))]

    def place_words(self, text: str, sentences: list[PhonemeSentence]) -> list[PlacedWord]:
        """Every word of the text, in order; none where there are no sentences."""
        phonemes = [sentence.phonemes for sentence in sentences]
        return place_words(text, phonemes, self._phonemes_of_word)

    def _alone(self, word: str) -> tuple[str, ...]:
        return tuple("".join(self._hibari.phonemize(word)))

    def _is_heard(self, phoneme: str) -> bool:
        return is_sound(phoneme) and phoneme in self._hibari.vocab

    def _sentence(self, phonemes: tuple[str, ...]) -> PhonemeSentence:
        ids, spans = [0], []
        for phoneme in phonemes:
            known = self._hibari.vocab.get(phoneme)
            spans.append((len(ids), len(ids) + (known is not None)))
            if known is not None:
                ids.append(known)
        return PhonemeSentence(phonemes, np.array([*ids, 0], np.int64), tuple(spans))


@functools.cache
def phonemizer(*, british: bool) -> EnglishPhonemizer:
    """The one of this process: its dictionaries are the largest part of it."""
    return EnglishPhonemizer(british=british)
