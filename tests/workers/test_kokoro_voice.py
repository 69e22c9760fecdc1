"""Kokoro's voices themselves: the whole sentence's sound in chunks, word by word, understood."""

import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import jiwer
import numpy as np
import pytest
import soxr

from parley import models
from tests.workers.speech_sounds import words as plain_words
from workers.engines.asr_engine import SAMPLE_RATE_HZ, DecodeRequest, FloatSamples
from workers.engines.chunk_bounds import chunk_bounds
from workers.engines.kokoro.cutting import cut_graphs
from workers.engines.kokoro.decoding import CHUNK_FRAMES, SMALLEST_LAST_FRAMES, FadingChunks
from workers.engines.kokoro.engine import KokoroEngine
from workers.engines.kokoro.network import HOP_SAMPLES, EncodedSpeech, KokoroNetwork
from workers.engines.kokoro.phonemes import phonemizer
from workers.engines.kokoro.styles import SPEAKERS, read_styles
from workers.engines.loudness import SPEECH_LEVEL_DBFS, speech_level_dbfs
from workers.engines.moonshine.engine import MoonshineEngine
from workers.engines.tts_engine import (
    Cancellation,
    EngineError,
    LoadedVoice,
    SpeechRequest,
    SpokenAudio,
    SpokenEnd,
    SpokenWord,
    SpokenWords,
    SynthesisCancelledError,
)

pytestmark = pytest.mark.servers

HEART, MICHAEL = "kokoro-en-us-heart", "kokoro-en-us-michael"
JACKET = "Take a jacket with you, it will be cold tonight."


@pytest.fixture(scope="module")
def engine() -> KokoroEngine:
    return KokoroEngine(threads=1)


@pytest.fixture(scope="module")
def voice(engine: KokoroEngine) -> Iterator[LoadedVoice]:
    loaded = engine.load(HEART, models.ensure(HEART))
    yield loaded
    loaded.close()


Spoken = tuple[FloatSamples, list[int], list[SpokenWord], SpokenEnd]


def _speak(voice: LoadedVoice, request: SpeechRequest) -> Spoken:
    """The sound, where its chunks begin, the words and the end."""
    chunks: list[SpokenAudio] = []
    words: list[SpokenWord] = []
    for piece in voice.speak(request, Cancellation()):
        match piece:
            case SpokenWords():
                words += piece.words
            case SpokenAudio():
                begun = piece.start_sample + len(piece.samples)
                chunks.append(piece)
                told = len(words)
            case SpokenEnd():
                end = piece
    assert all(word.start_sample >= begun for word in words[told:]), "a word came after its audio"
    starts = [chunk.start_sample for chunk in chunks]
    sound = np.concatenate([chunk.samples for chunk in chunks])
    assert starts[1:] == [c.start_sample + len(c.samples) for c in chunks[:-1]]
    assert starts[0] + len(sound) == end.end_sample
    return sound, starts, words, end


@pytest.fixture(scope="module")
def jacket(voice: LoadedVoice) -> Spoken:
    return _speak(voice, SpeechRequest(text=JACKET))


def _levels_db(sound: FloatSamples) -> FloatSamples:
    """Levels by frame and by a fortieth of the spectrum, no lower than 60 dB below the loudest."""
    size, hop = 1024, 256
    frames = np.lib.stride_tricks.sliding_window_view(sound, size)[::hop] * np.hanning(size)
    power = np.abs(np.fft.rfft(frames)[:, :480]).reshape(len(frames), 40, -1).mean(axis=2)
    levels = 20 * np.log10(power + 1e-9)
    return np.asarray(np.maximum(levels, levels.max() - 60), np.float32)


@pytest.fixture(scope="module")
def network() -> KokoroNetwork:
    return KokoroNetwork(cut_graphs(models.ensure("kokoro-82m") / "model.onnx"), threads=1)


@pytest.fixture(scope="module")
def encoded(network: KokoroNetwork) -> EncodedSpeech:
    (sentence,) = phonemizer(british=False).sentences(JACKET)
    style = read_styles(SPEAKERS[HEART])[len(sentence.ids) - 3]
    return network.encode(sentence.ids, style=style, speed=1.0)


def test_chunks_sound_like_the_whole_sentence_and_fade_into_each_other(
    network: KokoroNetwork, encoded: EncodedSpeech
) -> None:
    bounds = chunk_bounds(
        0,
        int(encoded.durations[0]),
        encoded.frames,
        sizes=CHUNK_FRAMES,
        smallest_last=SMALLEST_LAST_FRAMES,
    )
    assert len(bounds) > 3, "two borders"
    decoding = FadingChunks(network, encoded, bounds)
    chunked = np.concatenate([decoding.chunk(index) for index in range(len(bounds) - 1)])
    whole = network.decode(encoded, 0, encoded.frames)
    assert len(chunked) == len(whole) == encoded.frames * HOP_SAMPLES
    one, other = _levels_db(whole), _levels_db(chunked)
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.95
    assert np.sqrt(np.mean((one - other) ** 2)) < 5
    steps = np.abs(np.diff(chunked))
    usual = np.abs(np.diff(whole)).max()
    for bound in bounds[1:-1]:
        border = bound * HOP_SAMPLES
        assert steps[border - 50 : border + HOP_SAMPLES + 50].max() < usual, "it clicks"


def test_a_chunk_is_the_same_whichever_were_decoded_before(
    network: KokoroNetwork, encoded: EncodedSpeech
) -> None:
    bounds = (0, 14, 24, 34)
    in_order = FadingChunks(network, encoded, bounds)
    chunks = [in_order.chunk(index) for index in range(3)]
    assert np.array_equal(FadingChunks(network, encoded, bounds).chunk(2), chunks[2])


def test_every_word_is_timed_in_order_where_it_is_heard(jacket: Spoken) -> None:
    sound, starts, words, end = jacket
    assert len(starts) > 2, "streamed"
    assert [word.word for word in words] == JACKET.split()
    for word, following in pairwise(words):
        assert word.start_sample < word.end_sample <= following.start_sample
    assert words[-1].end_sample <= end.end_sample
    for word in words:
        spoken = sound[word.start_sample : word.end_sample]
        assert np.sqrt(np.mean(spoken**2)) > 0.02, f"{word.word} is not heard where it stands"
    assert np.flatnonzero(np.abs(sound) > 0.006)[0] < 0.05 * 24000, "silence before the first sound"


def test_a_recognizer_understands_what_it_says(jacket: Spoken) -> None:
    heard = np.asarray(soxr.resample(jacket[0], 24000, SAMPLE_RATE_HZ), np.float32)
    recognizer = MoonshineEngine(device="cpu", threads=1).load(
        "moonshine-base-en", models.ensure("moonshine-base-en")
    )
    (draft,) = recognizer.decode([DecodeRequest(samples=heard, voice=1.0, language="en")])
    said, understood = (" ".join(plain_words(text)) for text in (JACKET, draft.decoded.text))
    assert jiwer.wer(said, understood) <= 0.1, understood


def test_words_that_no_phonemizer_leaves_whole_keep_their_order_over_sentences(
    voice: LoadedVoice,
) -> None:
    text = "We — 😀 paid $3. Fine!"
    _, _, words, end = _speak(voice, SpeechRequest(text=text, speed=1.5))
    assert [word.word for word in words] == text.split()
    edges = [edge for word in words for edge in (word.start_sample, word.end_sample)]
    assert edges == sorted(edges)
    assert edges[-1] <= end.end_sample


def test_what_was_heard_is_not_made_again_and_the_rest_is_the_same(
    voice: LoadedVoice, jacket: Spoken
) -> None:
    whole = jacket[0]
    offset = int(len(whole) * 0.6)
    rest, starts, words, _ = _speak(voice, SpeechRequest(text=JACKET, seed=9, from_sample=offset))
    assert 0 < starts[0] <= offset
    assert np.array_equal(rest, whole[starts[0] :]), "the same samples, whatever the seed"
    assert [word.word for word in words] == JACKET.split()


def _length(voice: LoadedVoice, speed: float) -> int:
    """Of a text, most of which was heard before: only its first chunk is made."""
    request = SpeechRequest(text=JACKET, speed=speed, from_sample=10**9)
    *_, end = voice.speak(request, Cancellation())
    assert isinstance(end, SpokenEnd)
    return end.end_sample


def test_speed_is_how_long_the_words_take(voice: LoadedVoice) -> None:
    usual = _length(voice, 1.0)
    for speed in (0.8, 1.4):
        assert _length(voice, speed) / usual == pytest.approx(1 / speed, rel=0.1)


def _pitch_hz(sound: FloatSamples) -> float:
    """The median over the loud stretches, by autocorrelation."""
    frames = np.lib.stride_tricks.sliding_window_view(sound, 1200)[::600]
    loud = [frame for frame in frames if np.sqrt(np.mean(frame**2)) > 0.05]
    first, last = 24000 // 400, 24000 // 70
    alike = [[float(np.dot(f[:-lag], f[lag:])) for lag in range(first, last)] for f in loud]
    return 24000 / float(np.median([first + np.argmax(each) for each in alike]))


def test_voices_differ_are_equally_loud_and_share_one_network(
    engine: KokoroEngine, voice: LoadedVoice, jacket: Spoken
) -> None:
    assert models.ensure(MICHAEL) == models.ensure(HEART)
    michael = engine.load(MICHAEL, models.ensure(MICHAEL))
    low = _speak(michael, SpeechRequest(text="Take a jacket with you."))[0]
    assert _pitch_hz(low) < 0.8 * _pitch_hz(jacket[0])
    for sound in (low, jacket[0]):
        assert speech_level_dbfs(sound, 24000) == pytest.approx(SPEECH_LEVEL_DBFS, abs=2.5)
        assert np.abs(sound).max() < 1.0
    michael.close()
    assert _speak(voice, SpeechRequest(text="Yes."))[0].any(), "the other speaks on"
    with pytest.raises(EngineError, match="unloaded"):
        _speak(michael, SpeechRequest(text="No."))


@pytest.mark.parametrize("text", ["", " \n ", "...", "—", "?!", "😀"])
def test_text_without_a_sound_is_only_an_end(voice: LoadedVoice, text: str) -> None:
    assert list(voice.speak(SpeechRequest(text=text), Cancellation())) == [SpokenEnd(0, 0)]


@pytest.mark.parametrize("text", ["[[a]] [[", "日本", "\u202e\u0301"])
def test_odd_text_is_spoken_or_not_but_nothing_falls_over(voice: LoadedVoice, text: str) -> None:
    *_, last = voice.speak(SpeechRequest(text=text, speed=2.0), Cancellation())
    assert isinstance(last, SpokenEnd)


def test_cancelled_speech_ends_in_the_middle_of_a_run(voice: LoadedVoice) -> None:
    cancellation = Cancellation()
    pieces = voice.speak(SpeechRequest(text=JACKET), cancellation)
    timer = threading.Timer(0.05, cancellation.cancel)
    timer.start()
    with pytest.raises(SynthesisCancelledError):
        for _ in pieces:
            pass
    timer.join()


def test_a_voice_it_has_not_is_refused_with_those_it_has(
    engine: KokoroEngine, tmp_path: Path
) -> None:
    with pytest.raises(EngineError, match="'kokoro-en-us-nobody'; it has kokoro-en-us-heart"):
        engine.load("kokoro-en-us-nobody", tmp_path)
