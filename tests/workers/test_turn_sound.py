"""How finished a turn sounds: the features, the network, and what clients are told."""

from collections.abc import AsyncIterator

import numpy as np
import pytest

from caller.recordings import SPEECH, read_samples
from parley import models
from parley.rpc.v1 import recognition_pb2 as pb
from parley.settings.worker import TURN_SOUND_MODEL
from tests.workers.listening import MODEL, Running, listening
from tests.workers.speech_sounds import LIGHTS, WEATHER, silence, speech
from workers.engines.asr_engine import FloatSamples
from workers.engines.whisper.recognizer import WhisperRecognizer
from workers.recognition.pause_sound import PauseSound
from workers.recognition.turn_sound import TurnSound, TurnSounds, log_mel
from workers.recognition.voice_activity import VoiceDetector

PAUSE = silence(0.5)


@pytest.fixture(scope="module")
def sound() -> TurnSound:
    return TurnSound(models.ensure(TURN_SOUND_MODEL))


@pytest.fixture
async def sounds() -> TurnSounds:
    sounds = TurnSounds()
    await sounds.load()
    return sounds


@pytest.fixture
async def service(sounds: TurnSounds) -> AsyncIterator[Running]:
    recognizer = WhisperRecognizer(models.ensure(MODEL))
    async with listening(recognizer, VoiceDetector(), turn_sounds=sounds) as running:
        yield running


def test_the_features_are_those_of_whisper() -> None:
    """Expected: what the network's own package computes of the same tone."""
    time_s = np.arange(16000) / 16000
    tone = (0.3 * np.sin(2 * np.pi * 440 * time_s)).astype(np.float32)
    features = log_mel(tone)
    assert features.shape == (80, 800)
    assert features.dtype == np.float32
    assert features[[11, 12, 40], 750] == pytest.approx(TONE, abs=1e-4)
    assert features[:, 100].max() == features.min(), "what is before it is silence"


@pytest.mark.parametrize("seconds", [0.0, 0.5, 8.0, 20.0])
def test_any_length_can_be_heard(sound: TurnSound, seconds: float) -> None:
    assert 0.0 <= sound.finished(silence(seconds)) <= 1.0


@pytest.mark.parametrize("text", [WEATHER, "I would like to book a table for Friday evening."])
def test_a_sentence_sounds_finished_at_its_end(sound: TurnSound, text: str) -> None:
    whole = speech(text)
    half = whole[: len(whole) // 2]
    assert sound.finished(with_breath(whole)) > 0.5 > sound.finished(with_breath(half))


def test_a_recorded_question_sounds_finished(sound: TurnSound) -> None:
    said = read_samples(SPEECH / "1688-142285-0002.flac")
    assert sound.finished(said) > 0.5


async def test_a_client_that_asks_is_told_at_a_pause(service: Running) -> None:
    speaker = await service.listen(turn_sound=True)
    await speaker.say(np.concatenate([PAUSE, speech(WEATHER), PAUSE]))
    preflight = await speaker.until(pb.TRANSCRIPT_KIND_PREFLIGHT)
    assert preflight.HasField("sounds_finished")
    assert preflight.sounds_finished > 0.5
    await speaker.flush(1)
    assert not (await speaker.until(pb.TRANSCRIPT_KIND_FINAL)).HasField("sounds_finished")
    speaker.call.cancel()


async def test_a_client_that_does_not_ask_is_not_told(service: Running) -> None:
    speaker = await service.listen()
    await speaker.say(np.concatenate([PAUSE, speech(LIGHTS), PAUSE]))
    preflight = await speaker.until(pb.TRANSCRIPT_KIND_PREFLIGHT)
    assert not preflight.HasField("sounds_finished")
    speaker.call.cancel()


async def test_a_turn_is_judged_by_itself_alone(sounds: TurnSounds) -> None:
    pause = PauseSound(sounds)
    pause.push_audio(speech(WEATHER))
    pause.turn_ended()
    half = with_breath(speech(LIGHTS)[: len(speech(LIGHTS)) // 2])
    pause.push_audio(half)
    assert sounds.loaded is not None
    assert await pause.answer(len(half)) == pytest.approx(sounds.loaded.finished(half))


def with_breath(said: FloatSamples) -> FloatSamples:
    return np.concatenate([said, silence(0.1)])


TONE = (1.8897, 1.7451, -0.1103)
