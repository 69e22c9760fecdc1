"""The folder of voices: what a person puts there, and what is said of what cannot be used."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from parley.errors import ConfigurationError
from workers.engines.cosyvoice.voices import PROMPT_RATE_HZ, read_prompt, voices_in
from workers.engines.tts_engine import EngineError


def make_voice(folder: Path, *, seconds: float = 5.0, **files: str) -> Path:
    folder.mkdir(parents=True)
    tone = 0.2 * np.sin(np.arange(int(seconds * 24_000)) / 10)
    soundfile.write(folder / "prompt.wav", tone, 24_000)
    for name, text in files.items():
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    return folder


def test_every_folder_with_a_recording_is_a_voice(tmp_path: Path) -> None:
    for name in ("bob", "ann"):
        make_voice(tmp_path / name)
    (tmp_path / "notes").mkdir()
    make_voice(tmp_path / ".hidden")
    assert list(voices_in(tmp_path)) == ["ann", "bob"]


@pytest.mark.parametrize("folder", [".", "missing"])
def test_folder_without_a_voice_says_how_to_make_one(tmp_path: Path, folder: str) -> None:
    with pytest.raises(ConfigurationError, match=r"no voice in .*prompt\.wav"):
        voices_in(tmp_path / folder)


def test_prompt_is_read_at_the_rate_of_the_model_with_its_texts(tmp_path: Path) -> None:
    prompt = read_prompt(make_voice(tmp_path / "ann", prompt="What was said.\n", instruct="Softly"))
    assert prompt.recording.sample_rate_hz == PROMPT_RATE_HZ
    assert prompt.recording.duration_s == pytest.approx(5.0)
    assert (prompt.transcript, prompt.instruction) == ("What was said.", "Softly")


@pytest.mark.parametrize("seconds", [0.5, 31.0])
def test_recording_of_the_wrong_length_is_named_with_its_length(
    tmp_path: Path, seconds: float
) -> None:
    with pytest.raises(EngineError, match=rf"prompt\.wav is {seconds} s long"):
        read_prompt(make_voice(tmp_path / "ann", seconds=seconds))


def test_file_that_is_no_recording_is_named(tmp_path: Path) -> None:
    folder = make_voice(tmp_path / "ann")
    (folder / "prompt.wav").write_bytes(b"no sound")
    with pytest.raises(EngineError, match=r"prompt\.wav: not readable as audio"):
        read_prompt(folder)


def test_transcript_that_is_no_text_is_named(tmp_path: Path) -> None:
    folder = make_voice(tmp_path / "ann")
    (folder / "prompt.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(EngineError, match=r"prompt\.txt is not UTF-8"):
        read_prompt(folder)
