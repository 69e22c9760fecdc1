"""A recognizer that understands nothing, and says for how long somebody spoke."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from parley.models import ModelSpec
from parley.models.manifest import FolderSource
from workers.engines.asr_engine import (
    SAMPLE_RATE_HZ,
    DecodedText,
    DecodeRequest,
    Draft,
    Recognizer,
)


class HumRecognizer:
    device = "cpu"
    languages = ("en",)
    attempts = 1
    largest_batch = 1

    def decode(
        self, requests: Sequence[DecodeRequest], *, attempt: int, abandoned: Callable[[], bool]
    ) -> list[Draft]:
        texts = [f"{request.duration_s:.0f} seconds of speech." for request in requests]
        return [Draft(DecodedText(text, confidence=1.0)) for text in texts]


class HumEngine:
    name = "hum"
    word_times = False  # only to those who ask, and this one has none

    def __init__(self, *, device: str, threads: int) -> None:
        pass

    def models(self) -> Mapping[str, ModelSpec]:
        ear = ModelSpec(
            name="hum-ear",
            kind="recognition",
            engine=self.name,
            languages=("en",),
            sample_rate_hz=SAMPLE_RATE_HZ,
            license="CC0-1.0",
            source=FolderSource(Path(__file__).parent),
            files=(),
        )
        return {ear.name: ear}

    def load(self, model: str, folder: Path) -> Recognizer:
        return HumRecognizer()
