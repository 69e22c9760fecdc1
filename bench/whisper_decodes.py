"""Whisper over a whole recording: as the worker decodes it, and as faster-whisper does."""

from pathlib import Path

from workers.engines.asr_engine import DecodeRequest, FloatSamples, Recognizer
from workers.engines.whisper.device import load_model
from workers.engines.whisper.recognizer import WhisperRecognizer
from workers.recognition.guards import recognize
from workers.recognition.segment import SpeechSegment
from workers.recognition.turn import SpokenTurn
from workers.recognition.voice_activity import WINDOW_SAMPLES, VoiceActivity, VoiceDetector

_LANGUAGE = "en"
_FRAME_SAMPLES = 320


class ShortContext:
    """The worker's own way, without its transport: voice activity, segments, guarded decodes."""

    def __init__(self, folder: Path, threads: int, *, recognizer: Recognizer | None = None) -> None:
        """`recognizer` in place of a new one of the model in `folder`."""
        self._recognizer = recognizer or WhisperRecognizer(folder, threads=threads)
        self._detector = VoiceDetector()

    def hear(self, samples: FloatSamples) -> str:
        activity, turn = VoiceActivity(self._detector), SpokenTurn(SpeechSegment(0))
        position = 0
        for start in range(0, len(samples), _FRAME_SAMPLES):
            frame = samples[start : start + _FRAME_SAMPLES]
            turn.append(frame)
            for probability in activity.push_audio(frame):
                turn.add_window(position, float(probability))
                position += WINDOW_SAMPLES
        turn.end(1, at=0.0)
        while (segment := turn.pending) is not None:
            request = DecodeRequest(
                samples=segment.sound,
                voice=segment.voice,
                language=_LANGUAGE,
                voiced_until_s=segment.sound_voiced_until_s,
            )
            segment.decoded = recognize(self._recognizer, request)
            segment.decoded_extent = segment.extent
            turn.forget_decoded()
        return turn.text().text


class FullContext:
    """faster-whisper's `transcribe` at its own settings, but for the beam and the language."""

    def __init__(self, folder: Path, threads: int) -> None:
        self._model = load_model(folder, device="cpu", threads=threads)

    def hear(self, samples: FloatSamples, *, beam_size: int, words: str = "") -> str:
        """`words` are those that may come, in any order: short sounds need the hint."""
        segments, _ = self._model.transcribe(
            samples, language=_LANGUAGE, beam_size=beam_size, initial_prompt=words or None
        )
        return "".join(segment.text for segment in segments).strip()
