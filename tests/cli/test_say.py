"""`./run say`: a text through a worker, and what a person is told."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import numpy as np
import pytest
import soundfile
import yaml

from cli.say import main
from parley.rpc.v1 import status_pb2
from parley.rpc.v1 import synthesis_pb2 as pb
from tests.speech.fake_worker import RATE_HZ, WORD_SAMPLES, FakeWorker, serving

TEXT = "w1 w2 w3. w4 w5.\nw6"
SPOKEN = np.repeat(np.arange(1, 7, dtype=np.int16), WORD_SAMPLES)


class ListingWorker(FakeWorker):
    """Says which voices it has, and which it would have to fetch."""

    async def ListVoices(  # noqa: N802
        self, request: pb.ListVoicesRequest, context: grpc.aio.ServicerContext
    ) -> pb.ListVoicesResponse:
        residency = {"tone": status_pb2.VOICE_RESIDENCY_RESIDENT}
        remote = status_pb2.VOICE_RESIDENCY_REMOTE
        names = ("tone", "far-1", "far-2")
        return pb.ListVoicesResponse(
            voices=[
                status_pb2.Voice(name=name, residency=residency.get(name, remote)) for name in names
            ]
        )


@pytest.fixture
async def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeWorker]:
    """A worker that the configuration names, on a machine without a player."""
    worker = ListingWorker()
    async with serving(worker) as target:
        configure(tmp_path, target)
        monkeypatch.setenv("PARLEY_CONFIG_DIR", str(tmp_path))
        monkeypatch.setenv("PATH", str(tmp_path / "bin"))
        yield worker


def configure(folder: Path, target: str) -> None:
    settings = {"tts": {"worker_address": target, "default_model": "tone"}}
    (folder / "orchestrator.yaml").write_text(yaml.safe_dump(settings))


def put_player(folder: Path, script: str) -> None:
    """A player of that name on PATH: a program of ours that takes PCM as the real one does."""
    program = folder / "bin" / "aplay"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


async def say(*arguments: str) -> int:
    return await asyncio.to_thread(main, list(arguments))


async def test_the_whole_text_is_saved_sample_by_sample(
    worker: FakeWorker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "out.wav"
    assert await say(TEXT, "--save", str(file)) == 0
    heard, rate = soundfile.read(file, dtype="int16")
    assert rate == RATE_HZ
    assert np.array_equal(heard, SPOKEN)
    assert worker.texts == ["w1 w2 w3.", "w4 w5.", "w6"]
    assert "6 words, 0.60 s of speech; first audio after" in capsys.readouterr().out


@pytest.mark.usefixtures("worker")
async def test_json_is_one_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "out.wav"
    assert await say(TEXT, "--json", "--save", str(file)) == 0
    report = json.loads(capsys.readouterr().out)
    assert report.pop("first_audio_ms") > 0
    assert report == {
        "voice": "tone",
        "engine": "wire",
        "worker": "worker",
        "audio_s": 0.6,
        "words": 6,
        "saved": str(file),
        "error": None,
    }


@pytest.mark.usefixtures("worker")
async def test_without_a_player_the_way_to_hear_it_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await say(TEXT) == 0
    assert "--save FILE.wav is how to hear it" in capsys.readouterr().err


@pytest.mark.usefixtures("worker")
async def test_the_player_gets_every_sample(tmp_path: Path) -> None:
    put_player(tmp_path, f"exec /bin/cat > {tmp_path}/heard")
    assert await say(TEXT) == 0
    assert np.array_equal(np.fromfile(tmp_path / "heard", dtype="<i2"), SPOKEN)


@pytest.mark.usefixtures("worker")
async def test_a_player_without_a_sound_device_is_quoted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put_player(tmp_path, "echo 'audio open error: No such device' >&2; exit 1")
    assert await say(TEXT) == 0
    said = capsys.readouterr()
    assert "aplay could not play (audio open error: No such device)" in said.err
    assert "6 words" in said.out


@pytest.mark.usefixtures("worker")
async def test_an_unknown_voice_is_answered_with_those_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await say(TEXT, "--voice", "nobody", "--json") == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert "'nobody'" in error
    assert error.endswith("there are: tone, and 2 more that would be fetched first")


async def test_a_worker_that_is_away_is_named(
    worker: FakeWorker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(tmp_path, "127.0.0.1:9")
    assert await say(TEXT) == 1
    assert "127.0.0.1:9" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["🙂", "\udc80", "<speak>&lol9;</speak>", "x" * 100_000, " "])
async def test_text_that_cannot_be_spoken_never_reaches_a_worker(
    worker: FakeWorker, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await say(text, "--json") == 1
    assert json.loads(capsys.readouterr().out)["error"]
    assert not worker.opened


async def test_a_folder_that_is_not_there_is_said_before_a_word_is_spoken(
    worker: FakeWorker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await say(TEXT, "--save", str(tmp_path / "nowhere" / "out.wav")) == 1
    assert "no folder" in capsys.readouterr().err
    assert not worker.opened


@pytest.mark.usefixtures("worker")
async def test_a_file_that_cannot_be_written_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await say(TEXT, "--save", str(tmp_path)) == 1
    assert str(tmp_path) in capsys.readouterr().err


async def test_a_malformed_configuration_is_an_error_of_its_own(
    worker: FakeWorker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(tmp_path, "not an address")
    assert await say(TEXT) == 2
    assert "host:port" in capsys.readouterr().err
