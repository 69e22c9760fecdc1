"""A Piper voice that speaks in growing chunks."""

from collections.abc import Iterator

import onnxruntime

from workers.engines.piper.cutting import CutVoice
from workers.engines.piper.phonemes import Phonemizer
from workers.engines.piper.speaking import Speaking
from workers.engines.piper.stages import Stages
from workers.engines.tts_engine import Cancellation, EngineError, SpeechPiece, SpeechRequest


class StagedVoice:
    """Encoder, flow and decoder in turn; the same samples for the same request, always."""

    reproducible = True

    def __init__(self, cut: CutVoice, phonemizer: Phonemizer, *, threads: int) -> None:
        self._cut = cut
        self._phonemizer = phonemizer
        self._stages: Stages | None = Stages(cut.folder, cut.seams, threads=threads)

    @property
    def sample_rate_hz(self) -> int:
        return int(self._phonemizer.config.sample_rate)

    def speak(self, request: SpeechRequest, cancellation: Cancellation) -> Iterator[SpeechPiece]:
        if self._stages is None:
            raise EngineError("the voice was unloaded")
        options = onnxruntime.RunOptions()
        pieces = Speaking(self._stages, self._cut, self._phonemizer, request, options).pieces()
        yield from cancellation.until_cancelled(
            pieces, abort=lambda: setattr(options, "terminate", True)
        )

    def close(self) -> None:
        self._stages = None
