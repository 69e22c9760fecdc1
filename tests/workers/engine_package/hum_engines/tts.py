"""A voice that hums: every word is a tenth of a second of one tone."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np

from parley.models import ModelSpec
from parley.models.manifest import FolderSource
from workers.engines.tts_engine import (
    Cancellation,
    LoadedVoice,
    SpeechPiece,
    SpeechRequest,
    SpokenAudio,
    SpokenEnd,
    SpokenWord,
    SpokenWords,
)


class HumVoice:
    sample_rate_hz = 24_000
    reproducible = True  # the same request gives the same samples on every worker

    def speak(self, request: SpeechRequest, cancellation: Cancellation) -> Iterator[SpeechPiece]:
        length = round(2_400 / request.speed)
        words = request.text.split()
        edges = [index * length for index in range(len(words) + 1)]
        if words:  # before their audio
            spans = zip(words, pairwise(edges), strict=True)
            yield SpokenWords(tuple(SpokenWord(word, *span) for word, span in spans))
        for start in edges[:-1]:
            cancellation.check()  # between chunks: the slot is free within one of them
            tone = 0.1 * np.sin(np.arange(length, dtype=np.float32) / 20)
            yield SpokenAudio(start, tone.astype(np.float32))
        yield SpokenEnd(edges[-1], pause_samples=0)  # always, and last

    def close(self) -> None:
        """Gives the memory back; called once, when nobody speaks."""


class HumEngine:
    name = "hum"
    device = "cpu"

    def __init__(self, *, threads: int) -> None:
        pass

    def voices(self) -> Mapping[str, ModelSpec]:
        hum = ModelSpec(
            name="hum-low",
            kind="voice",
            engine=self.name,
            languages=("en",),
            sample_rate_hz=HumVoice.sample_rate_hz,
            license="CC0-1.0",
            source=FolderSource(Path(__file__).parent),
            files=(),
        )
        return {hum.name: hum}

    def load(self, voice: str, folder: Path) -> LoadedVoice:
        return HumVoice()
