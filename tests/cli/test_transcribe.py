"""`./run transcribe`: files through a worker, and what a person is told."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from cli.transcribe import main
from testkit.isolated_config import free_ports
from tests.speech.fake_listener import FakeListener, listening

RATE_HZ = 16000


def configure(folder: Path, target: str) -> None:
    settings = {"asr": {"worker_address": target}}
    (folder / "orchestrator.yaml").write_text(yaml.safe_dump(settings))


@pytest.fixture
async def listener(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeListener]:
    """A worker that the configuration names; it hears a word in each second of sound."""
    worker = FakeListener()
    async with listening(worker) as target:
        configure(tmp_path, target)
        monkeypatch.setenv("PARLEY_CONFIG_DIR", str(tmp_path))
        yield worker


def recording(folder: Path, name: str, *words: int, rate_hz: int = RATE_HZ) -> str:
    """A second of sound for each word, at a level that is the word."""
    file = folder / name
    sound = np.repeat(np.array(words, np.int16) * 256, rate_hz)
    soundfile.write(file, sound, rate_hz, subtype="PCM_16")
    return str(file)


async def transcribe(*arguments: str) -> int:
    return await asyncio.to_thread(main, list(arguments))


async def test_each_file_is_an_entry_of_one_document(
    listener: FakeListener, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [recording(tmp_path, "a.wav", 11, 12), recording(tmp_path, "b.flac", 21)]
    assert await transcribe(*files, "--json") == 0
    out = capsys.readouterr().out
    entries = json.loads(out)["files"]
    assert [set(entry) for entry in entries] == [
        {"file", "transcript", "audio_s", "latency_ms"}
    ] * 2
    assert [entry["file"] for entry in entries] == files
    assert [entry["audio_s"] for entry in entries] == [2.0, 1.0]
    assert [len(entry["transcript"].split()) for entry in entries] == [2, 1]


async def test_one_file_is_printed_as_its_words_alone(
    listener: FakeListener, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await transcribe(recording(tmp_path, "a.wav", 11, 12)) == 0
    assert len(capsys.readouterr().out.split()) == 2


async def test_several_files_are_printed_with_their_names(
    listener: FakeListener, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [recording(tmp_path, "a.wav", 11), recording(tmp_path, "b.wav", 21)]
    assert await transcribe(*files) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(": ")[0] for line in lines] == files


async def test_a_file_at_another_rate_is_as_long(
    listener: FakeListener, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = recording(tmp_path, "a.wav", 11, 12, 13, rate_hz=44100)
    assert await transcribe(file, "--json") == 0
    (entry,) = json.loads(capsys.readouterr().out)["files"]
    assert entry["audio_s"] == 3.0
    assert len(entry["transcript"].split()) == 3


@pytest.mark.parametrize(
    ("channels", "level", "subtype"),
    [
        ((1, -1), 0.3, "PCM_16"),
        ((1, -0.7, 0), 0.3, "PCM_24"),
        ((0, 0, 0, 0, 1, 0), 0.02, "PCM_16"),
        ((1,), 0.0015, "PCM_16"),
        ((1,), 0.0004, "PCM_24"),
        ((1, 0), 0.0008, "FLOAT"),
    ],
)
async def test_what_a_person_would_call_quiet_or_broken_comes_as_usual_speech(
    listener: FakeListener,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    channels: tuple[float, ...],
    level: float,
    subtype: str,
) -> None:
    """A square wave, whose level is the word that the worker hears."""
    file = tmp_path / "a.wav"
    wave = level * np.where(np.arange(RATE_HZ) // 40 % 2, -1.0, 1.0)
    soundfile.write(file, np.outer(wave, channels), RATE_HZ, subtype=subtype)
    assert await transcribe(str(file)) == 0
    (word,) = capsys.readouterr().out.split()
    assert 1600 < abs(int(word)) < 16000


async def test_a_file_that_is_no_sound_has_an_error_and_the_rest_are_heard(
    listener: FakeListener, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("not a sound")
    recording(tmp_path, "silent.wav", 0)
    names = ("missing.wav", "empty.wav", "text.wav", "silent.wav")
    good = recording(tmp_path, "good.wav", 11)
    assert await transcribe(*(str(tmp_path / name) for name in names), good, "--json") == 1
    *bad, last = json.loads(capsys.readouterr().out)["files"]
    for name, entry in zip(names, bad, strict=True):
        assert set(entry) == {"file", "error"}
        assert name in entry["error"]
    assert last["transcript"]


async def test_without_a_worker_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (port,) = free_ports(1)
    configure(tmp_path, f"127.0.0.1:{port}")
    monkeypatch.setenv("PARLEY_CONFIG_DIR", str(tmp_path))
    assert await transcribe(recording(tmp_path, "a.wav", 11)) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert "./run up" in output.err
    assert str(port) in output.err


async def test_a_wrong_configuration_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(tmp_path, "nowhere")
    monkeypatch.setenv("PARLEY_CONFIG_DIR", str(tmp_path))
    assert await transcribe(recording(tmp_path, "a.wav", 11), "--json") == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert "nowhere" in output.err
