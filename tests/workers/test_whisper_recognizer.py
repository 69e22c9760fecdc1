"""Whisper itself: the real base model on speech, loops, noise and silence."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import jiwer
import numpy as np
import pytest

from parley import models
from parley.errors import ConfigurationError, ModelError
from tests.workers.speech_sounds import LIGHTS, WEATHER, noises, silence, speech, words
from workers.engines.asr_engine import DecodeAbandonedError, DecodeRequest, FloatSamples
from workers.engines.whisper.device import load_model
from workers.engines.whisper.recognizer import DecodeAttempt, WhisperRecognizer
from workers.recognition.guards import LEAST_VOICE, recognize, voice_certainty
from workers.recognition.voice_activity import VoiceActivity, VoiceDetector

LOOPING = ("One moment please.", "I've tried it, I liked it.", "Lobsters and lobsters.")
"""Said once, and written down over and over where no silence follows."""


@pytest.fixture(scope="module")
def folder() -> Path:
    return models.ensure("whisper-base")


@pytest.fixture(scope="module")
def recognizer(folder: Path) -> WhisperRecognizer:
    return WhisperRecognizer(folder)


@pytest.fixture(scope="module")
def detector() -> VoiceDetector:
    return VoiceDetector()


@pytest.fixture(scope="module")
def request_for(detector: VoiceDetector) -> Callable[[FloatSamples], DecodeRequest]:
    def made(samples: FloatSamples) -> DecodeRequest:
        voice = voice_certainty(VoiceActivity(detector).push_audio(samples))
        return DecodeRequest(samples=samples, voice=voice, language="en")

    return made


Made = Callable[[FloatSamples], DecodeRequest]


def test_speech_is_heard_word_for_word(recognizer: WhisperRecognizer, request_for: Made) -> None:
    decoded = recognize(recognizer, request_for(speech(LIGHTS)))
    assert words(decoded.text) == words(LIGHTS)
    assert 0.5 < decoded.confidence <= 1


@pytest.mark.parametrize("text", LOOPING)
def test_what_loops_without_silence_after_it_is_heard_once(
    recognizer: WhisperRecognizer, folder: Path, request_for: Made, text: str
) -> None:
    """Whether a decode without padding loops at all depends on the processor's rounding."""
    said = request_for(speech(text)[: -16000 // 4])
    unpadded = WhisperRecognizer(folder, ways=(DecodeAttempt(padding_s=0.0), *recognizer.ways))
    for each in (unpadded, recognizer):
        heard = words(recognize(each, said).text)
        assert len(heard) <= len(words(text)) + 1, "something was written twice"
        assert jiwer.wer(" ".join(words(text)), " ".join(heard)) <= 0.5


def test_a_batch_hears_what_each_would_alone(
    recognizer: WhisperRecognizer, request_for: Made
) -> None:
    batch = [request_for(speech(LIGHTS)), request_for(speech(WEATHER))]
    drafts = recognizer.decode(batch)
    assert [words(draft.decoded.text) for draft in drafts] == [words(LIGHTS), words(WEATHER)]


def test_words_carry_times_in_their_order_and_within_the_sound(
    recognizer: WhisperRecognizer, request_for: Made
) -> None:
    said = request_for(np.concatenate([silence(0.3), speech(WEATHER), silence(0.3)]))
    decoded = recognize(recognizer, replace(said, word_times=True))
    assert " ".join(word.word for word in decoded.words) == decoded.text
    starts = [word.start_s for word in decoded.words]
    assert starts == sorted(starts)
    assert all(0 <= word.start_s <= word.end_s <= said.duration_s for word in decoded.words)
    assert decoded.words[-1].end_s > 0.7 * said.duration_s


def test_word_times_in_a_batch_with_silence(
    recognizer: WhisperRecognizer, request_for: Made
) -> None:
    batch = [request_for(silence(1)), request_for(speech(LIGHTS))]
    drafts = recognizer.decode([replace(each, word_times=True) for each in batch])
    assert [word.word for word in drafts[1].decoded.words][-1] == "kitchen."


def test_a_hint_decides_how_a_name_is_written(
    recognizer: WhisperRecognizer, request_for: Made
) -> None:
    said = request_for(speech("Please call Kathryn Smythe."))
    assert "Smythe" not in recognize(recognizer, said).text
    assert "Smythe" in recognize(recognizer, replace(said, hints="Kathryn Smythe")).text


def test_a_decode_that_nobody_wants_any_more_ends_early(
    recognizer: WhisperRecognizer, request_for: Made
) -> None:
    with pytest.raises(DecodeAbandonedError):
        recognizer.decode([request_for(speech(LIGHTS))], abandoned=lambda: True)


@pytest.mark.parametrize("noise", sorted(noises()))
def test_noise_is_no_voice(detector: VoiceDetector, noise: str) -> None:
    assert voice_certainty(VoiceActivity(detector).push_audio(noises()[noise])) < LEAST_VOICE


@pytest.mark.parametrize("noise", sorted(noises()))
def test_noise_that_passes_for_a_voice_gives_no_sentence(
    recognizer: WhisperRecognizer, noise: str
) -> None:
    said = DecodeRequest(samples=noises()[noise], voice=0.75, language="en")
    assert recognize(recognizer, said).text == ""


@pytest.mark.parametrize("text", ["Yes.", "Stop.", "Okay.", "What?", "Good morning."])
def test_a_word_is_voice_enough(
    recognizer: WhisperRecognizer, request_for: Made, text: str
) -> None:
    said = request_for(speech(text))
    assert said.voice > 0.8
    assert words(recognize(recognizer, said).text) == words(text)


def test_voice_activity_is_the_same_however_the_sound_comes(detector: VoiceDetector) -> None:
    sound = speech(WEATHER)
    at_once = VoiceActivity(detector).push_audio(sound)
    activity = VoiceActivity(detector)
    pieces = [
        activity.push_audio(sound[start : start + 320]) for start in range(0, len(sound), 320)
    ]
    np.testing.assert_allclose(np.concatenate(pieces), at_once, atol=1e-5)
    assert len(at_once) == len(sound) // 512


def test_a_gpu_that_is_not_there_is_named(folder: Path) -> None:
    import ctranslate2  # noqa: PLC0415 - only here

    if ctranslate2.get_cuda_device_count():
        pytest.skip("this machine has a GPU")
    with pytest.raises(ConfigurationError, match="ASR_DEVICE"):
        load_model(folder, device="cuda", threads=1)
    assert load_model(folder, device="auto", threads=1).model.device == "cpu"


def test_files_that_are_no_model_are_named(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"no model")
    with pytest.raises(ModelError, match=str(tmp_path)):
        load_model(tmp_path, device="cpu", threads=1)
