"""A voice is cut by structure, proven, cached, and spoken whole where that fails."""

import logging
import re
from pathlib import Path

import numpy as np
import onnx
import pytest

from parley import paths
from tests.workers.tiny_voice import HOP_SAMPLES, write_tiny_voice
from workers.engines.piper.cutting import LOWEST_SNR_DB, compare
from workers.engines.piper.engine import PiperEngine
from workers.engines.piper.phonemes import Phonemizer
from workers.engines.piper.seams import cut, find_seams
from workers.engines.piper.stages import Margins, Stages, open_session
from workers.engines.tts_engine import (
    Cancellation,
    EngineError,
    LoadedVoice,
    SpeechRequest,
    SpokenAudio,
)

TEXT = "The weather was so clear this morning that we could see the whole valley."


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_CACHE_DIR", str(tmp_path / "cache"))


def _load(folder: Path, **kind: object) -> LoadedVoice:
    if kind or not folder.exists():
        write_tiny_voice(folder, **kind)  # type: ignore[arg-type]
    return PiperEngine(threads=1).load("tiny", folder)


def _speak(voice: LoadedVoice, text: str = TEXT) -> np.ndarray:
    pieces = voice.speak(SpeechRequest(text=text, seed=5), Cancellation())
    return np.concatenate([piece.samples for piece in pieces if isinstance(piece, SpokenAudio)])


@pytest.mark.parametrize("speakers", [1, 3])
def test_stages_in_chunks_sound_like_the_graph_they_were_cut_from(
    tmp_path: Path, speakers: int
) -> None:
    write_tiny_voice(tmp_path, speakers=speakers)
    graph = onnx.load(tmp_path / "model.onnx")
    seams = find_seams(graph)
    assert seams.hop_samples == HOP_SAMPLES
    assert len(seams.flow_carries) == (1 if speakers == 1 else 2), "mask, and who speaks"
    assert len(seams.decoder_carries) == (0 if speakers == 1 else 1)
    cut(graph, seams, tmp_path)
    phonemizer = Phonemizer(tmp_path / "config.json")
    (sentence,) = phonemizer.sentences(TEXT)
    snr_db, audio = compare(
        Stages(tmp_path, seams, threads=1),
        open_session(graph.SerializeToString(), threads=1),
        sentence,
        phonemizer,
        Margins(flow=8, decoder=8),
    )
    assert len(audio) > 100 * HOP_SAMPLES
    assert snr_db > 100


def test_voice_that_is_cut_says_the_same_samples_again(tmp_path: Path) -> None:
    voice = _load(tmp_path / "voice", speakers=2)
    assert voice.reproducible
    assert np.array_equal(_speak(voice), _speak(voice))


def test_second_load_finds_the_stages_and_does_not_cut_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    first = _speak(_load(tmp_path / "voice"))
    assert "cutting" in caplog.text
    caplog.clear()
    assert np.array_equal(first, _speak(_load(tmp_path / "voice")))
    assert "cutting" not in caplog.text


@pytest.mark.parametrize("damaged", ["decoder.onnx", "proof.json"])
def test_damaged_stage_is_cut_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damaged: str
) -> None:
    first = _speak(_load(tmp_path / "voice"))
    (file,) = (paths.cache_dir() / "stages").glob(f"*/{damaged}")
    file.write_bytes(file.read_bytes()[:-10])
    caplog.set_level(logging.INFO)
    assert np.array_equal(first, _speak(_load(tmp_path / "voice")))
    assert "cutting" in caplog.text


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ({"random_durations": False}, "1 RandomNormalLike"),
        ({"looks_far": True}, f"SNR -?[0-{LOWEST_SNR_DB // 10 - 1:.0f}]?[0-9] dB"),
    ],
    ids=["built otherwise", "differs in chunks"],
)
def test_voice_that_cannot_be_cut_speaks_from_its_full_graph_and_the_log_says_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: dict[str, bool], why: str
) -> None:
    voice = _load(tmp_path / "voice", **kind)
    assert not voice.reproducible
    assert len(_speak(voice)) > 50 * HOP_SAMPLES
    assert caplog.messages
    assert "speaks from its full graph" in caplog.text
    assert any(re.search(why, message) for message in caplog.messages)


def test_files_that_are_no_voice_are_one_clear_error(tmp_path: Path) -> None:
    folder = tmp_path / "voice"
    write_tiny_voice(folder)
    (folder / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(EngineError, match=r"model\.onnx"):
        _load(folder)
    (folder / "config.json").write_text("{}")
    with pytest.raises(EngineError, match=r"config\.json"):
        _load(folder)
    (folder / "config.json").unlink()
    with pytest.raises(EngineError, match=r"config\.json"):
        _load(folder)
