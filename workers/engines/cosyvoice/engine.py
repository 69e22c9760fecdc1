"""The CosyVoice 2 engine: one checkpoint for all voices, a voice per prompt recording."""

import logging
import sys
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import torch

from parley import paths
from parley.errors import ConfigurationError
from parley.models import ModelSpec
from parley.settings.worker import CosyVoiceSection
from workers.engines.cosyvoice.checkpoint import Frontend, load_frontend, read_modules
from workers.engines.cosyvoice.layout import check_layout
from workers.engines.cosyvoice.parts import in_parts, plain
from workers.engines.cosyvoice.speaker import Speaker, encode_speaker, encode_text
from workers.engines.cosyvoice.streaming import StreamingModel
from workers.engines.cosyvoice.voices import VoicePrompt, read_prompt, voices_in
from workers.engines.cosyvoice.word_estimate import WordEstimate
from workers.engines.loudness import Loudness
from workers.engines.tts_engine import (
    Cancellation,
    EngineError,
    SpeechPiece,
    SpeechRequest,
    SpokenAudio,
    SpokenEnd,
    SpokenWords,
    SynthesisCancelledError,
)
from workers.engines.whole import first_sound, last_sound

_log = logging.getLogger(__name__)

_USUAL_CHARACTER_S = 0.065
_WARM_UP = "Hello, this is a first sentence."


class CosyVoiceEngine:
    """Loads voices from a folder of prompts; the checkpoint comes into memory with the first."""

    name = "cosyvoice"

    def __init__(self, *, threads: int, settings: CosyVoiceSection) -> None:
        """Raises ConfigurationError for a device or a checkpoint that cannot be used."""
        self._settings = settings
        self._folder = Path(settings.model_dir or paths.cache_dir() / "models" / "cosyvoice2-0.5b")
        self._device = _device(settings)
        check_layout(self._folder)
        self._checkpoint: tuple[StreamingModel, Frontend] | None = None
        self._loading = threading.Lock()
        torch.set_num_threads(threads)

    @property
    def device(self) -> str:
        return str(self._device.type)

    def voices(self) -> Mapping[str, ModelSpec]:
        """The prompts in the folder of voices; raises ConfigurationError where there is none."""
        return voices_in(Path(self._settings.voices_dir or paths.cache_dir() / "voices"))

    def load(self, voice: str, folder: Path) -> "CosyVoice":
        """The voice whose prompt is in `folder`, encoded; see `TtsEngine.load`."""
        prompt = read_prompt(folder)
        try:
            with self._loading:
                if self._checkpoint is None:
                    self._checkpoint = self._load_checkpoint()
                model, frontend = self._checkpoint
            speaker = encode_speaker(frontend, prompt, self._device)
        except EngineError:
            raise
        except Exception as error:  # whatever a file that is not what it seems makes of torch
            raise EngineError(f"voice {voice} cannot be loaded: {_sentence(error)}") from error
        return CosyVoice(model, frontend, speaker, prompt)

    def _load_checkpoint(self) -> tuple[StreamingModel, Frontend]:
        folder, settings = self._folder, self._settings
        _log.info("loading %s on %s", folder, self._device)
        # Upstream prints its progress, and torch warns of what upstream calls it by.
        with redirect_stdout(sys.stderr), warnings.catch_warnings(action="ignore"):
            modules = read_modules(folder)
            model = StreamingModel(modules, device=self._device, fp16=settings.fp16)
            model.load(*(str(folder / f"{name}.pt") for name in ("llm", "flow", "hift")))
            if settings.vllm:
                model.load_vllm(str(folder / "vllm"))
            if settings.tensorrt:
                precision = "fp16" if settings.fp16 else "fp32"
                plan = folder / f"flow.decoder.estimator.{precision}.mygpu.plan"
                onnx = folder / "flow.decoder.estimator.fp32.onnx"
                model.load_trt(str(plan), str(onnx), 1, settings.fp16)
            frontend = load_frontend(folder, modules)
        return model, frontend


class CosyVoice:
    """A voice: what the model is told of the speaker. Several threads may speak with it."""

    reproducible = False
    """The seed fixes what is said and how long it takes, but not the vocoder's noise."""

    def __init__(
        self, model: StreamingModel, frontend: Frontend, speaker: Speaker, prompt: VoicePrompt
    ) -> None:
        self._model = model
        self._frontend = frontend
        self._speaker = speaker
        recording = prompt.recording
        # The model speaks as loud as the recording is.
        sound = np.asarray(recording.samples, np.float32) / np.float32(32768)
        self._loudness = Loudness.measured(sound, recording.sample_rate_hz)
        transcript = prompt.transcript if not prompt.instruction else ""
        self._character_s = (
            recording.duration_s / len(transcript) if transcript else _USUAL_CHARACTER_S
        )
        for _ in self.speak(SpeechRequest(text=_WARM_UP), Cancellation()):
            pass

    @property
    def sample_rate_hz(self) -> int:
        return self._frontend.sample_rate_hz

    def speak(self, request: SpeechRequest, cancellation: Cancellation) -> Iterator[SpeechPiece]:
        """See `LoadedVoice.speak`; words are placed by estimate."""
        at = pause_samples = 0
        try:
            for index, part in enumerate(in_parts(plain(request.text), self._token_count)):
                if pause_samples:
                    if at + pause_samples > request.from_sample:
                        yield SpokenAudio(at, np.zeros(pause_samples, np.float32))
                    at += pause_samples
                for piece in self._speak_part(part, index, at, request, cancellation):
                    if isinstance(piece, SpokenEnd):
                        at, pause_samples = piece.end_sample, piece.pause_samples
                    elif isinstance(piece, SpokenWords) or _is_wanted(piece, request):
                        yield piece
        except (SynthesisCancelledError, EngineError):
            raise
        except Exception as error:  # torch raises what it likes
            raise EngineError(f"CosyVoice failed: {_sentence(error)}") from error
        yield SpokenEnd(at, pause_samples)

    def close(self) -> None:
        """The prompt's tensors go with the voice; the checkpoint stays with the engine."""
        del self._speaker

    def _speak_part(
        self,
        part: str,
        index: int,
        start: int,
        request: SpeechRequest,
        cancellation: Cancellation,
    ) -> Iterator[SpeechPiece]:
        """One part's pieces, counted from the text's start; its end comes as a SpokenEnd."""
        rate = self.sample_rate_hz
        expected = round(len(part) * self._character_s * rate / request.speed)
        words = WordEstimate(part, start_sample=start)
        at, silence, sounds = start, 0, request.keep_lead or start > 0
        pause_samples = 0
        for chunk in self._model.stream(
            encode_text(self._frontend, part),
            self._speaker,
            seed=_seed(request, index),
            speed=request.speed,
            cancellation=cancellation,
        ):
            samples = self._loudness.apply(chunk.samples)
            if not sounds:
                first = first_sound(samples, rate)
                silence += first
                samples = samples[first:]
                sounds = len(samples) > 0
            end = last_sound(samples, rate) if chunk.is_last else len(samples)
            known = at + end if chunk.is_last else start + chunk.known_samples - silence
            further = 0 if chunk.is_complete else start + expected - silence
            placed = words.until(
                at + end, known_end=known, expected_end=None if chunk.is_last else further
            )
            if placed:
                yield SpokenWords(placed)
            if end:
                yield SpokenAudio(at, samples[:end])
            at += end
            pause_samples = len(samples) - end
        yield SpokenEnd(at, pause_samples)

    def _token_count(self, text: str) -> int:
        return len(self._frontend.tokenizer.encode(text))


def _device(settings: CosyVoiceSection) -> torch.device:
    has_gpu = torch.cuda.is_available()
    if settings.device == "cuda" and not has_gpu:
        raise ConfigurationError(
            "tts.cosyvoice.device is cuda, and no CUDA GPU can be used here: set it to auto or "
            "cpu, or look into the driver (nvidia-smi)"
        )
    on_gpu = has_gpu and settings.device != "cpu"
    for key in ("fp16", "tensorrt", "vllm"):
        if getattr(settings, key) and not on_gpu:
            raise ConfigurationError(
                f"tts.cosyvoice.{key} needs a CUDA GPU, and CosyVoice runs on the CPU here: "
                "switch it off, or change tts.cosyvoice.device"
            )
    return torch.device("cuda" if on_gpu else "cpu")


def _seed(request: SpeechRequest, part: int) -> int:
    key = (request.seed, request.text_index, part)
    return int(np.random.SeedSequence(key).generate_state(1)[0])


def _is_wanted(piece: SpeechPiece, request: SpeechRequest) -> bool:
    return (
        isinstance(piece, SpokenAudio)
        and piece.start_sample + len(piece.samples) > request.from_sample
    )


def _sentence(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
