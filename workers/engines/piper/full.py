"""A Piper voice on its graph as shipped: what speaks where the graph cannot be cut."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import onnxruntime

from workers.engines.loudness import Loudness
from workers.engines.onnx_session import open_session
from workers.engines.piper.phonemes import Phonemizer, Sentence
from workers.engines.piper.stages import Prosody, run_with
from workers.engines.tts_engine import (
    Cancellation,
    EngineError,
    FloatSamples,
    SpeechPiece,
    SpeechRequest,
    SpokenEnd,
)
from workers.engines.whole import WholeSentence, in_pieces

_REFERENCE_TEXT = "1, 2, 3, 4, 5."


class FullVoice:
    """Each sentence in one run, with onnxruntime's own randomness."""

    reproducible = False

    def __init__(self, model: Path, phonemizer: Phonemizer, *, threads: int) -> None:
        """Raises EngineError where the graph does not run."""
        self._phonemizer = phonemizer
        try:
            self._session: onnxruntime.InferenceSession | None = open_session(
                model, threads=threads
            )
            (reference, *_) = phonemizer.sentences(_REFERENCE_TEXT)
            sound = self._run(reference, phonemizer.prosody(speed=1.0), None)
            self._loudness = Loudness.measured(sound, self.sample_rate_hz)
        except Exception as error:  # onnxruntime's errors have no common base
            raise EngineError(f"{model} cannot be used as a Piper voice: {error}") from error

    @property
    def sample_rate_hz(self) -> int:
        return int(self._phonemizer.config.sample_rate)

    def speak(self, request: SpeechRequest, cancellation: Cancellation) -> Iterator[SpeechPiece]:
        sentences = self._phonemizer.sentences(request.text)
        if not sentences:
            yield SpokenEnd(0, 0)
            return
        options = onnxruntime.RunOptions()
        pieces = in_pieces(
            self._spoken(request, sentences, options),
            sample_rate_hz=self.sample_rate_hz,
            keep_lead=request.keep_lead,
            from_sample=request.from_sample,
        )
        yield from cancellation.until_cancelled(
            pieces, abort=lambda: setattr(options, "terminate", True)
        )

    def close(self) -> None:
        self._session = None

    def _spoken(
        self,
        request: SpeechRequest,
        sentences: Sequence[Sentence],
        options: onnxruntime.RunOptions,
    ) -> Iterator[WholeSentence]:
        words = self._phonemizer.place_words(request.text, list(sentences))
        prosody = self._phonemizer.prosody(speed=request.speed)
        for number, sentence in enumerate(sentences):
            sound = self._loudness.apply(self._run(sentence, prosody, options))
            here = [word for word in words if word.sentence == number]
            weights = [float(word.end_phoneme - word.first_phoneme) for word in here]
            yield WholeSentence(sound, [word.word for word in here], weights)

    def _run(
        self, sentence: Sentence, prosody: Prosody, options: onnxruntime.RunOptions | None
    ) -> FloatSamples:
        if self._session is None:
            raise EngineError("the voice was unloaded")
        outputs = run_with(self._session, None, prosody.graph_inputs(sentence.ids), options)
        return outputs[0].reshape(-1)
