"""The hibari engine (Apache-2.0): one small English voice, quick on any CPU and free of the GPL."""

import functools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from hibari import Hibari

from parley.models import ModelSpec
from workers.engines.loudness import Loudness
from workers.engines.tts_engine import (
    Cancellation,
    EngineError,
    LoadedVoice,
    SpeechPiece,
    SpeechRequest,
    manifest_models,
)
from workers.engines.whole import WholeSentence, in_pieces
from workers.engines.word_spans import word_spans

_REFERENCE_TEXT = "One, two, three, four, five, six, seven, eight."
_WORD_CACHE = 4096


class HibariVoice:
    """Speaks sentence by sentence: each is made whole, in some tens of milliseconds."""

    reproducible = True

    def __init__(self, name: str, *, threads: int) -> None:
        """Raises EngineError for a name that hibari has no voice for."""
        try:
            self._hibari: Hibari | None = Hibari(voice=name, threads=threads)
        except (ValueError, RuntimeError) as error:
            raise EngineError(str(error)) from None
        hibari = self._hibari
        self._phonemes_of_word: Callable[[str], tuple[str, ...]] = functools.lru_cache(_WORD_CACHE)(
            lambda word: tuple("".join(hibari.phonemize(word)))
        )
        sound = hibari(_REFERENCE_TEXT, seed=0)
        self._loudness = Loudness.measured(sound, self.sample_rate_hz)

    @property
    def sample_rate_hz(self) -> int:
        return int(Hibari.sample_rate)

    def speak(self, request: SpeechRequest, cancellation: Cancellation) -> Iterator[SpeechPiece]:
        pieces = in_pieces(
            self._sentences(request, cancellation),
            sample_rate_hz=self.sample_rate_hz,
            keep_lead=request.keep_lead,
            from_sample=request.from_sample,
        )
        for piece in pieces:
            cancellation.check()
            yield piece

    def close(self) -> None:
        self._hibari = None

    def _sentences(
        self, request: SpeechRequest, cancellation: Cancellation
    ) -> Iterator[WholeSentence]:
        if self._hibari is None:
            raise EngineError("the voice was unloaded")
        for number, sentence in enumerate(self._hibari.split_sentences(request.text)):
            random = np.random.default_rng([request.seed, request.text_index, number])
            words = sentence.split()
            for phonemes in self._hibari.phonemize(sentence):
                cancellation.check()
                ids = self._hibari.ids(phonemes)
                sound = self._hibari.from_ids(ids, request.speed, random)
                spans = word_spans(words, phonemes, self._phonemes_of_word)
                weights = [float(end - start) for start, end in spans]
                yield WholeSentence(self._loudness.apply(sound), words, weights)
                words = []


class HibariEngine:
    """The voices that hibari names; the one called heart is inside its package."""

    name = "hibari"
    device = "cpu"

    def __init__(self, *, threads: int) -> None:
        self._threads = threads

    def voices(self) -> Mapping[str, ModelSpec]:
        return manifest_models("voice", self.name)

    def load(self, voice: str, folder: Path) -> LoadedVoice:
        return HibariVoice(voice.rpartition("-")[2], threads=self._threads)
