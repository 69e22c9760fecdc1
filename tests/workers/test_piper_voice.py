"""The default voice in stages: the full graph's sound, in time, at one level, word by word."""

import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import pytest

from parley import models
from workers.engines.loudness import SPEECH_LEVEL_DBFS, speech_level_dbfs
from workers.engines.piper.cutting import cut_voice, snr_db
from workers.engines.piper.engine import PiperEngine
from workers.engines.piper.phonemes import Phonemizer
from workers.engines.piper.seams import DURATION_NOISE, LATENT_NOISE, feed_noise
from workers.engines.piper.stages import Noise, Stages, open_session, run_with
from workers.engines.tts_engine import (
    Cancellation,
    LoadedVoice,
    SpeechRequest,
    SpokenAudio,
    SpokenEnd,
    SpokenWord,
    SpokenWords,
    SynthesisCancelledError,
)

pytestmark = pytest.mark.servers

LEAST_SNR_DB = 60.0
SEAM_REACH = 1024
AUDIBLE_RMS = 10 ** (-50 / 20)

SENTENCES = (
    "What time is it?",
    "Please call me back when you get home tonight.",
    "The weather in the mountains was so clear this morning that we could see the whole valley "
    "from the old bridge.",
    "Well, I paid $3.50 for it in 2024 — of all years!",
)


@pytest.fixture(scope="module")
def folder() -> Path:
    return models.ensure("piper-en-us-joe-medium")


@pytest.fixture(scope="module")
def voice(folder: Path) -> Iterator[LoadedVoice]:
    loaded = PiperEngine(threads=1).load("joe", folder)
    yield loaded
    loaded.close()


class FullGraph:
    """The shipped graph on the noise that the stages use, and the voice's level."""

    def __init__(self, folder: Path) -> None:
        self.phonemizer = Phonemizer(folder / "config.json")
        cut = cut_voice(folder / "model.onnx", self.phonemizer)
        assert not isinstance(cut, str)
        self.cut = cut
        graph = onnx.load(folder / "model.onnx")
        feed_noise(graph)
        self.session = open_session(graph.SerializeToString(), threads=1)
        self.encoder = Stages(cut.folder, cut.seams, threads=1)

    def speak(self, request: SpeechRequest) -> np.ndarray:
        (sentence,) = self.phonemizer.sentences(request.text)
        noise = Noise((request.seed, request.text_index, 0))
        prosody = self.phonemizer.prosody(speed=request.speed)
        encoded = self.encoder.encode(sentence.ids, prosody=prosody, noise=noise)
        feed = prosody.graph_inputs(sentence.ids)
        feed[DURATION_NOISE] = noise.for_durations(len(sentence.ids))
        feed[LATENT_NOISE] = noise.for_latents(encoded.frames, encoded.latents.shape[1])
        (audio,) = run_with(self.session, None, feed)
        return self.cut.loudness.apply(audio.reshape(-1))


@pytest.fixture(scope="module")
def full_graph(folder: Path) -> FullGraph:
    return FullGraph(folder)


def _speak(
    voice: LoadedVoice, request: SpeechRequest
) -> tuple[np.ndarray, list[int], list[SpokenWord], SpokenEnd]:
    """The sound, where its chunks begin, the words and the end."""
    chunks: list[SpokenAudio] = []
    words: list[SpokenWord] = []
    for piece in voice.speak(request, Cancellation()):
        match piece:
            case SpokenWords():
                words += piece.words
            case SpokenAudio():
                assert words, "audio before its words"
                chunks.append(piece)
            case SpokenEnd():
                end = piece
    starts = [chunk.start_sample for chunk in chunks]
    sound = np.concatenate([chunk.samples for chunk in chunks])
    assert starts[1:] == [c.start_sample + len(c.samples) for c in chunks[:-1]]
    assert starts[0] + len(sound) == end.end_sample
    return sound, starts, words, end


@pytest.mark.parametrize("sentence", SENTENCES)
@pytest.mark.parametrize(("seed", "speed"), [(0, 1.0), (1234, 0.7), (99, 1.6)])
def test_staged_audio_equals_the_full_graph_s_over_every_seam(
    voice: LoadedVoice, full_graph: FullGraph, sentence: str, seed: int, speed: float
) -> None:
    request = SpeechRequest(text=sentence, seed=seed, speed=speed, keep_lead=True)
    staged, starts, _, end = _speak(voice, request)
    full = full_graph.speak(request)
    assert len(full) == end.end_sample + end.pause_samples
    assert snr_db(full[: len(staged)], staged) >= LEAST_SNR_DB
    assert len(starts) >= 2
    for seam in starts[1:]:
        near = slice(max(0, seam - SEAM_REACH), seam + SEAM_REACH)
        reference = full[: len(staged)][near]
        if np.sqrt(np.mean(reference**2)) > AUDIBLE_RMS:
            assert snr_db(reference, staged[near]) >= LEAST_SNR_DB, f"seam at {seam}"
        else:
            assert np.abs(reference - staged[near]).max() < 1e-4


def test_trimmed_speech_is_the_same_from_its_first_sound_on(voice: LoadedVoice) -> None:
    for seed in range(5):
        request = SpeechRequest(text="Hello there, how are you?", seed=seed)
        trimmed, _, words, end = _speak(voice, request)
        kept = SpeechRequest(text=request.text, seed=seed, keep_lead=True)
        whole, _, whole_words, whole_end = _speak(voice, kept)
        lead = len(whole) - len(trimmed)
        assert 0 <= lead < 0.15 * voice.sample_rate_hz
        assert snr_db(whole[lead:], trimmed) >= LEAST_SNR_DB
        assert end.end_sample == whole_end.end_sample - lead
        assert words[1].start_sample == whole_words[1].start_sample - lead
        first = np.flatnonzero(np.abs(trimmed) > 0.006)[0]
        assert first < 0.05 * voice.sample_rate_hz, "silence before the first sound"


def test_same_request_gives_the_same_samples_and_another_seed_others(voice: LoadedVoice) -> None:
    request = SpeechRequest(text=SENTENCES[1], seed=7, text_index=3)
    once, again = _speak(voice, request)[0], _speak(voice, request)[0]
    assert np.array_equal(once, again)
    other = _speak(voice, SpeechRequest(text=SENTENCES[1], seed=8, text_index=3))[0]
    assert not np.array_equal(once[:4000], other[:4000])


def test_what_was_heard_is_not_made_again_and_the_rest_is_the_same(voice: LoadedVoice) -> None:
    text = "Please call me back. I will be home at nine, or a little later than that."
    whole = _speak(voice, SpeechRequest(text=text, seed=3))[0]
    for share in (0.05, 0.3, 0.6, 0.95):
        offset = int(len(whole) * share)
        rest, starts, words, _ = _speak(voice, SpeechRequest(text=text, seed=3, from_sample=offset))
        assert 0 <= offset - starts[0] < 128 * 256, "more than a chunk was made again"
        assert np.array_equal(rest, whole[starts[0] :])
        assert [word.word for word in words] == text.split()


def test_every_word_of_a_text_is_timed_in_order(voice: LoadedVoice) -> None:
    text = "Dr. Smith — aged 41 — paid $3.50 for e-mails in 2024. Of the lot, I'd keep it & more!"
    sound, _, words, end = _speak(voice, SpeechRequest(text=text, seed=1))
    assert [word.word for word in words] == text.split()
    for word, following in pairwise(words):
        assert word.start_sample <= word.end_sample <= following.start_sample
    assert words[-1].end_sample <= end.end_sample
    for word in words:
        if any(map(str.isalnum, word.word)):
            spoken = sound[word.start_sample : word.end_sample]
            assert np.sqrt(np.mean(spoken**2)) > 0.02, f"{word.word} is not heard where it stands"


def test_all_words_of_many_sentences_are_told_at_once_before_the_first_sound(
    voice: LoadedVoice,
) -> None:
    text = " ".join(f"This is sentence number {n} of a rather long text." for n in range(12))
    told, *pieces = voice.speak(SpeechRequest(text=text), Cancellation())
    assert isinstance(told, SpokenWords)
    assert [word.word for word in told.words] == text.split()
    assert not any(isinstance(piece, SpokenWords) for piece in pieces)
    end = pieces[-1]
    assert isinstance(end, SpokenEnd)
    assert 0 <= end.end_sample - told.words[-1].end_sample < 0.1 * voice.sample_rate_hz


def test_voice_speaks_at_the_common_level_and_never_beyond_full_scale(voice: LoadedVoice) -> None:
    sound = np.concatenate(
        [_speak(voice, SpeechRequest(text=sentence))[0] for sentence in SENTENCES]
    )
    assert speech_level_dbfs(sound, voice.sample_rate_hz) == pytest.approx(
        SPEECH_LEVEL_DBFS, abs=2.5
    )
    assert np.abs(sound).max() < 1.0


@pytest.mark.parametrize("text", ["", " \n ", "...", "—", "?!"])
def test_text_without_a_sound_is_only_an_end(voice: LoadedVoice, text: str) -> None:
    assert list(voice.speak(SpeechRequest(text=text), Cancellation())) == [SpokenEnd(0, 0)]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("😀😀", id="emoji"),
        pytest.param("[[abc]] [[", id="brackets"),
        pytest.param("日本語", id="foreign"),
        pytest.param("a" * 2000, id="one long word"),
        pytest.param("<speak><x>" * 100, id="markup"),
        pytest.param("&" * 300, id="symbols"),
        pytest.param("1" * 300, id="digits"),
        pytest.param("\u202e\u0301", id="marks"),
    ],
)
def test_odd_text_is_spoken_or_not_but_nothing_falls_over(voice: LoadedVoice, text: str) -> None:
    *_, last = voice.speak(SpeechRequest(text=text, speed=2.0), Cancellation())
    assert isinstance(last, SpokenEnd)


def test_cancelled_speech_ends_in_the_middle_of_a_run(voice: LoadedVoice) -> None:
    cancellation = Cancellation()
    pieces = voice.speak(SpeechRequest(text=SENTENCES[2]), cancellation)
    timer = threading.Timer(0.01, cancellation.cancel)
    timer.start()
    with pytest.raises(SynthesisCancelledError):
        for _ in pieces:
            pass
    timer.join()
    assert _speak(voice, SpeechRequest(text="Still here."))[0].any()


def test_two_threads_speak_with_one_voice_and_do_not_disturb_each_other(
    voice: LoadedVoice,
) -> None:
    alone = [_speak(voice, SpeechRequest(text=text, seed=2))[0] for text in SENTENCES[:2]]
    together: dict[int, np.ndarray] = {}

    def speak(index: int) -> None:
        request = SpeechRequest(text=SENTENCES[index], seed=2)
        together[index] = _speak(voice, request)[0]

    threads = [threading.Thread(target=speak, args=(index,)) for index in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(alone[index], together[index]) for index in range(2))
