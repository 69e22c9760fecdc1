"""Whisper itself: the real base model on speech, loops, noise and silence."""

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import jiwer
import numpy as np
import pytest

from parley import models, paths
from parley.errors import ConfigurationError, ModelError
from tests.workers.speech_sounds import LIGHTS, WEATHER, noises, silence, speech, words
from workers.engines.tts_engine import FloatSamples
from workers.engines.whisper import Recognizer, Utterance, VoiceActivity, VoiceDetector
from workers.engines.whisper.device import load_model
from workers.engines.whisper.guards import LEAST_VOICE, voice_certainty
from workers.engines.whisper.recognizer import AbandonedError, Attempt

LOOPING = ("One moment please.", "I've tried it, I liked it.", "Lobsters and lobsters.")
"""Said once, and written down over and over where no silence follows."""


@pytest.fixture(scope="module")
def folder() -> Path:
    return models.ensure("whisper-base")


@pytest.fixture(scope="module")
def recognizer(folder: Path) -> Recognizer:
    return Recognizer(folder)


@pytest.fixture(scope="module")
def detector() -> VoiceDetector:
    return VoiceDetector()


@pytest.fixture(scope="module")
def utterance(detector: VoiceDetector) -> Callable[[FloatSamples], Utterance]:
    def made(samples: FloatSamples) -> Utterance:
        voice = voice_certainty(VoiceActivity(detector).hear(samples))
        return Utterance(samples=samples, voice=voice, language="en")

    return made


Made = Callable[[FloatSamples], Utterance]


def test_speech_is_heard_word_for_word(recognizer: Recognizer, utterance: Made) -> None:
    hearing = recognizer.hear(utterance(speech(LIGHTS)))
    assert words(hearing.text) == words(LIGHTS)
    assert 0.5 < hearing.confidence <= 1


@pytest.mark.parametrize("text", LOOPING)
def test_what_loops_without_silence_after_it_is_heard_once(
    recognizer: Recognizer, folder: Path, utterance: Made, text: str
) -> None:
    said = utterance(speech(text)[: -16000 // 4])
    unpadded = Recognizer(folder, attempts=(Attempt(padding_s=0.0), *recognizer.attempts))
    (draft,) = unpadded.decode([said])
    assert draft.loops
    assert len(words(draft.hearing.text)) >= 2 * len(words(text))
    assert len(words(unpadded.hear(said).text)) == len(words(text))
    assert len(words(recognizer.hear(said).text)) == len(words(text))


def test_a_batch_hears_what_each_would_alone(recognizer: Recognizer, utterance: Made) -> None:
    batch = [utterance(speech(LIGHTS)), utterance(speech(WEATHER))]
    drafts = recognizer.decode(batch)
    assert [words(draft.hearing.text) for draft in drafts] == [words(LIGHTS), words(WEATHER)]


def test_words_carry_times_in_their_order_and_within_the_sound(
    recognizer: Recognizer, utterance: Made
) -> None:
    said = utterance(np.concatenate([silence(0.3), speech(WEATHER), silence(0.3)]))
    hearing = recognizer.hear(replace(said, word_times=True))
    assert " ".join(word.word for word in hearing.words) == hearing.text
    starts = [word.start_s for word in hearing.words]
    assert starts == sorted(starts)
    assert all(0 <= word.start_s <= word.end_s <= said.duration_s for word in hearing.words)
    assert hearing.words[-1].end_s > 0.7 * said.duration_s


def test_word_times_in_a_batch_with_silence(recognizer: Recognizer, utterance: Made) -> None:
    batch = [utterance(silence(1)), utterance(speech(LIGHTS))]
    drafts = recognizer.decode([replace(each, word_times=True) for each in batch])
    assert [word.word for word in drafts[1].hearing.words][-1] == "kitchen."


def test_a_hint_decides_how_a_name_is_written(recognizer: Recognizer, utterance: Made) -> None:
    said = utterance(speech("Please call Kathryn Smythe."))
    assert "Smythe" not in recognizer.hear(said).text
    assert "Smythe" in recognizer.hear(replace(said, hints="Kathryn Smythe")).text


def test_a_decode_that_nobody_wants_any_more_ends_early(
    recognizer: Recognizer, utterance: Made
) -> None:
    with pytest.raises(AbandonedError):
        recognizer.decode([utterance(speech(LIGHTS))], abandoned=lambda: True)


@pytest.mark.parametrize("noise", sorted(noises()))
def test_noise_is_no_voice(detector: VoiceDetector, noise: str) -> None:
    assert voice_certainty(VoiceActivity(detector).hear(noises()[noise])) < LEAST_VOICE


@pytest.mark.parametrize("noise", sorted(noises()))
def test_noise_that_passes_for_a_voice_gives_no_sentence(
    recognizer: Recognizer, noise: str
) -> None:
    said = Utterance(samples=noises()[noise], voice=0.75, language="en")
    assert recognizer.hear(said).text == ""


@pytest.mark.parametrize("text", ["Yes.", "Stop.", "Okay.", "What?", "Good morning."])
def test_a_word_is_voice_enough(recognizer: Recognizer, utterance: Made, text: str) -> None:
    said = utterance(speech(text))
    assert said.voice > 0.8
    assert words(recognizer.hear(said).text) == words(text)


def test_voice_activity_is_the_same_however_the_sound_comes(detector: VoiceDetector) -> None:
    sound = speech(WEATHER)
    at_once = VoiceActivity(detector).hear(sound)
    activity = VoiceActivity(detector)
    pieces = [activity.hear(sound[start : start + 320]) for start in range(0, len(sound), 320)]
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


def _shared(name: str) -> Path:
    folder = paths.repository().parent / "shared" / name
    if not folder.is_dir():
        pytest.skip(f"{folder} is not here")
    return folder


def test_recorded_speech_that_used_to_loop_is_heard_once(
    recognizer: Recognizer, utterance: Made
) -> None:
    from bench.recordings import read_samples  # noqa: PLC0415 - only where the clips are

    folder = _shared("speech")
    with (folder / "transcripts.tsv").open(encoding="utf-8") as lines:
        said = {row["file"]: row["transcript"] for row in csv.DictReader(lines, delimiter="\t")}
    for name in ("1688-142285-0003.flac", "1998-15444-0002.flac", "2414-128291-0001.flac"):
        text = recognizer.hear(utterance(read_samples(folder / name))).text
        assert jiwer.wer(" ".join(words(said[name])), " ".join(words(text))) < 0.5
        assert len(words(text)) < 1.3 * len(words(said[name]))
