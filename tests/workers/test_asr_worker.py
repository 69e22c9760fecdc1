"""The ASR worker as a process: what a supervisor, Prometheus and `./run transcribe` see of it."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
import soundfile
import yaml
from grpc_health.v1 import health_pb2, health_pb2_grpc

from cli.transcribe import main
from parley import paths
from testkit.isolated_config import free_ports
from tests.workers.listening import MODEL
from tests.workers.speech_sounds import LIGHTS, WEATHER, noises, speech, words

pytestmark = pytest.mark.servers

START_S = 120


@dataclass
class Worker:
    process: "subprocess.Popen[str]"
    port: int
    metrics_port: int
    config: Path

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"


@contextmanager
def started(folder: Path, **asr: object) -> Iterator[Worker]:
    """A worker process with these settings; killed at the end, if it has not ended."""
    port, metrics_port = free_ports(2)
    settings = {"port": port, "metrics_port": metrics_port, "model": MODEL, **asr}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "worker.yaml").write_text(yaml.safe_dump({"asr": settings}), "utf-8")
    client = {"asr": {"worker_address": f"127.0.0.1:{port}"}}
    (folder / "orchestrator.yaml").write_text(yaml.safe_dump(client), "utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "workers.asr"],
        cwd=paths.repository(),
        env={**os.environ, "PARLEY_CONFIG_DIR": str(folder)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Worker(process, port, metrics_port, folder)
    finally:
        process.kill()
        process.communicate()


async def _serving(worker: Worker) -> None:
    async with grpc.aio.insecure_channel(worker.target) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(
            health_pb2.HealthCheckRequest(), wait_for_ready=True, timeout=START_S
        )
        async for health in watch:
            if health.status == health_pb2.HealthCheckResponse.SERVING:
                return


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    with started(tmp_path_factory.mktemp("asr")) as worker:
        asyncio.run(_serving(worker))
        yield worker


def recorded(folder: Path, text: str) -> str:
    file = folder / f"{words(text)[0]}.wav"
    soundfile.write(file, speech(text), 16000)
    return str(file)


def test_transcribe_prints_what_the_worker_hears(
    worker: Worker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PARLEY_CONFIG_DIR", str(worker.config))
    noise = tmp_path / "knocks.wav"
    soundfile.write(noise, noises()["knocks"], 16000)
    files = [recorded(tmp_path, LIGHTS), recorded(tmp_path, WEATHER), str(noise)]
    assert main([*files, "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)["files"]
    assert [entry["file"] for entry in entries] == files
    assert [words(entry["transcript"]) for entry in entries] == [words(LIGHTS), words(WEATHER), []]
    assert entries[0]["audio_s"] == pytest.approx(len(speech(LIGHTS)) / 16000, abs=0.01)
    assert all(entry["latency_ms"] > 0 for entry in entries)


def test_by_default_english_is_heard_without_a_gpu_or_another_model(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with started(tmp_path / "default", model="", device="cpu") as worker:
        asyncio.run(_serving(worker))
        monkeypatch.setenv("PARLEY_CONFIG_DIR", str(worker.config))
        assert main([recorded(tmp_path, LIGHTS)]) == 0
    heard = words(capsys.readouterr().out)
    assert {"turn", "lights", "kitchen"} <= set(heard)


def test_the_metrics_of_the_contract_are_there(worker: Worker) -> None:
    url = f"http://127.0.0.1:{worker.metrics_port}/metrics"
    with urllib.request.urlopen(url, timeout=10) as answer:
        metrics = answer.read().decode()
    assert "worker_utilization_percent 0.0" in metrics
    assert "\nrecognition_queue_depth 0.0" in metrics
    assert "synthesis" not in metrics


def test_a_signal_shuts_it_down_gracefully(tmp_path: Path) -> None:
    with started(tmp_path) as worker:
        asyncio.run(_serving(worker))
        worker.process.send_signal(signal.SIGTERM)
        _, log = worker.process.communicate(timeout=60)
        assert worker.process.returncode == 0
        assert "ended" in log
        assert "Traceback" not in log


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"model": "whisper-enormous"}, "whisper-enormous"),
        ({"model": "piper-en-us-joe-medium"}, "name a recognition model"),
        ({"language": "de"}, "asr.language is 'de'"),
    ],
)
def test_a_configuration_that_cannot_work_is_one_sentence(
    tmp_path: Path, settings: dict[str, object], said: str
) -> None:
    with started(tmp_path, **settings) as worker:
        _, log = worker.process.communicate(timeout=60)
    assert worker.process.returncode == 2
    assert said in log
    assert "Traceback" not in log
