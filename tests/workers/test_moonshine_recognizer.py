"""Moonshine itself: the real model on speech, short words, noise and silence."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import jiwer
import numpy as np
import pytest

from parley import models
from parley.errors import ConfigurationError
from tests.workers.speech_sounds import LIGHTS, WEATHER, noises, silence, speech, words
from workers.engines import create_asr_engine
from workers.engines.asr_engine import (
    DecodeAbandonedError,
    DecodeRequest,
    EngineError,
    FloatSamples,
)
from workers.engines.moonshine.conversion import converted
from workers.engines.moonshine.engine import MoonshineEngine
from workers.engines.moonshine.recognizer import MoonshineRecognizer
from workers.recognition.guards import recognize, voice_certainty
from workers.recognition.voice_activity import VoiceActivity, VoiceDetector

MODEL = "moonshine-base-en"
Made = Callable[[FloatSamples], DecodeRequest]


@pytest.fixture(scope="module")
def folder() -> Path:
    return models.ensure(MODEL)


@pytest.fixture(scope="module")
def recognizer(folder: Path) -> MoonshineRecognizer:
    return MoonshineEngine(device="auto", threads=1).load(MODEL, folder)


@pytest.fixture(scope="module")
def request_for() -> Made:
    detector = VoiceDetector()

    def made(samples: FloatSamples) -> DecodeRequest:
        voice = voice_certainty(VoiceActivity(detector).push_audio(samples))
        return DecodeRequest(samples=samples, voice=voice, language="en")

    return made


def test_speech_is_heard_word_for_word(recognizer: MoonshineRecognizer, request_for: Made) -> None:
    decoded = recognize(recognizer, request_for(speech(LIGHTS)))
    assert words(decoded.text) == words(LIGHTS)
    assert 0.5 < decoded.confidence <= 1


def test_a_batch_hears_what_each_would_alone(
    recognizer: MoonshineRecognizer, request_for: Made
) -> None:
    drafts = recognizer.decode([request_for(speech(LIGHTS)), request_for(speech(WEATHER))])
    assert [words(draft.decoded.text) for draft in drafts] == [words(LIGHTS), words(WEATHER)]


def test_what_was_heard_of_the_beginning_shortens_the_decode_and_changes_no_word(
    recognizer: MoonshineRecognizer, request_for: Made
) -> None:
    whole = request_for(speech(WEATHER))
    begun = replace(whole, samples=whole.samples[: len(whole.samples) * 2 // 3])
    earlier = recognizer.decode([begun])[0].decoded
    assert earlier.text
    (draft,) = recognizer.decode([replace(whole, earlier=earlier)])
    assert words(draft.decoded.text) == words(WEATHER)


def test_what_was_heard_of_other_sound_does_no_harm(
    recognizer: MoonshineRecognizer, request_for: Made
) -> None:
    other = recognizer.decode([request_for(speech(LIGHTS))])[0].decoded
    (draft,) = recognizer.decode([replace(request_for(speech(WEATHER)), earlier=other)])
    assert words(draft.decoded.text) == words(WEATHER)


def test_words_carry_times_in_their_order_and_within_the_sound(
    recognizer: MoonshineRecognizer, request_for: Made
) -> None:
    """Two sentences with a pause between: what is said after it begins after it."""
    first, second = speech(LIGHTS), speech(WEATHER)
    said = request_for(np.concatenate([silence(0.3), first, silence(0.5), second, silence(0.3)]))
    decoded = recognize(recognizer, replace(said, word_times=True))
    assert " ".join(word.word for word in decoded.words) == decoded.text
    starts = [word.start_s for word in decoded.words]
    assert starts == sorted(starts)
    assert all(0 <= word.start_s <= word.end_s <= said.duration_s for word in decoded.words)
    second_began_s = 0.3 + len(first) / 16000 + 0.5
    (what,) = [word for word in decoded.words if words(word.word) == ["what"]]
    assert what.end_s > second_began_s - 0.1
    (kitchen,) = [word for word in decoded.words if words(word.word) == ["kitchen"]]
    assert kitchen.start_s < 0.3 + len(first) / 16000


def test_a_decode_that_nobody_wants_any_more_ends_early(
    recognizer: MoonshineRecognizer, request_for: Made
) -> None:
    with pytest.raises(DecodeAbandonedError):
        recognizer.decode([request_for(speech(LIGHTS))], abandoned=lambda: True)


@pytest.mark.parametrize("noise", sorted(noises()))
def test_noise_that_passes_for_a_voice_gives_no_sentence(
    recognizer: MoonshineRecognizer, noise: str
) -> None:
    said = DecodeRequest(samples=noises()[noise], voice=0.75, language="en")
    assert recognize(recognizer, said).text == ""


def test_silence_and_a_click_of_a_moment_are_nothing(recognizer: MoonshineRecognizer) -> None:
    for samples in (silence(1.0), np.array([0.5], np.float32)):
        said = DecodeRequest(samples=samples, voice=0.6, language="en")
        assert recognize(recognizer, said).text == ""


@pytest.mark.parametrize("text", ["Yes.", "Stop.", "Okay.", "What?", "Good morning."])
def test_a_word_is_heard(recognizer: MoonshineRecognizer, request_for: Made, text: str) -> None:
    said = request_for(np.concatenate([silence(0.3), speech(text), silence(0.1)]))
    assert words(recognize(recognizer, said).text) == words(text)


@pytest.mark.parametrize("text", ["No, no, no, not that one.", "Very, very good."])
def test_what_is_said_twice_is_written_twice(
    recognizer: MoonshineRecognizer, request_for: Made, text: str
) -> None:
    heard = words(recognize(recognizer, request_for(speech(text))).text)
    assert jiwer.wer(" ".join(words(text)), " ".join(heard)) <= 0.35


def test_a_gpu_is_refused_and_the_setting_named() -> None:
    with pytest.raises(ConfigurationError, match="ASR_DEVICE"):
        create_asr_engine("moonshine", device="cuda", threads=1)


def test_it_is_converted_once(folder: Path) -> None:
    graphs = converted(folder)
    made = {file.name: file.stat().st_mtime_ns for file in graphs.iterdir()}
    assert converted(folder) == graphs
    assert {file.name: file.stat().st_mtime_ns for file in graphs.iterdir()} == made


def test_files_that_are_no_graphs_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARLEY_CACHE_DIR", str(tmp_path / "cache"))
    folder = tmp_path / "broken"
    folder.mkdir()
    for name in ("encoder.ort", "decoder.ort"):
        (folder / name).write_bytes(name.encode())
    with pytest.raises(EngineError, match="cannot be made"):
        converted(folder)
