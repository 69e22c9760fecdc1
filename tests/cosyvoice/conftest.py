"""A CosyVoice worker in its own environment, on a tiny checkpoint and two made-up speakers."""

import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import numpy as np
import psutil
import pytest
import soundfile
import yaml
from grpc_health.v1 import health_pb2, health_pb2_grpc

from ops.toolchain.engine_environment import COSYVOICE
from parley import paths
from testkit.isolated_config import free_ports

START_S = 480
"""Torch and what comes with it take a minute to import on a busy machine."""

POISON = "~"
"""A character whose embedding is not a number: the language model fails at it."""

# The 94th of the byte-level tokenizer's characters, which begin with "!".
_MAKE_CHECKPOINT = """
import sys, torch
from pathlib import Path
from workers.engines.cosyvoice.tiny_checkpoint import make_tiny_checkpoint
folder = Path(sys.argv[1])
make_tiny_checkpoint(folder)
weights = torch.load(folder / "llm.pt")
weights["llm.model.model.embed_tokens.weight"][93] = float("nan")
torch.save(weights, folder / "llm.pt")
"""


@dataclass(frozen=True)
class CosyVoiceWorker:
    """A running worker; `voices` are those it has."""

    target: str
    process: psutil.Process
    voices: tuple[str, ...]


@pytest.fixture(scope="session")
def cosyvoice_python() -> Path:
    """The CosyVoice environment's interpreter; PARLEY_TEST_COSYVOICE=1 has it made."""
    python = COSYVOICE.ensure() if os.environ.get("PARLEY_TEST_COSYVOICE") else COSYVOICE.find()
    if python is None:
        pytest.skip("no CosyVoice environment: PARLEY_TEST_COSYVOICE=1 makes it (5 GB)")
    return python


@pytest.fixture(scope="session")
def worker_environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the worker's process gets; its settings are in PARLEY_CONFIG_DIR."""
    return {
        **os.environ,
        "PYTHONPATH": str(paths.repository()),
        "PYTHONWARNINGS": "ignore",
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "PARLEY_CONFIG_DIR": str(tmp_path_factory.mktemp("configs")),
    }


@pytest.fixture(scope="session")
def cosyvoice_worker(
    cosyvoice_python: Path,
    worker_environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[CosyVoiceWorker]:
    folder = tmp_path_factory.mktemp("cosyvoice")
    subprocess.run(
        [cosyvoice_python, "-c", _MAKE_CHECKPOINT, folder / "model"],
        env=worker_environment,
        timeout=START_S,
        check=True,
    )
    make_speaker(folder / "voices" / "ann", 220.0, brightness=-1.0)
    make_speaker(folder / "voices" / "bob", 110.0, brightness=0.5)
    port, metrics_port = free_ports(2)
    settings = {
        "port": port,
        "metrics_port": metrics_port,
        "adapter": "cosyvoice",
        "default_model": "ann",
        "queue_wait_s": 30.0,
        "cosyvoice": {
            "model_dir": str(folder / "model"),
            "voices_dir": str(folder / "voices"),
        },
    }
    write_settings(worker_environment, settings)
    log = folder / "worker.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [cosyvoice_python, "-P", "-m", "workers.tts"], env=worker_environment, stderr=output
        )
    target = f"127.0.0.1:{port}"
    try:
        _await_serving(target, process, log)
        yield CosyVoiceWorker(target, psutil.Process(process.pid), ("ann", "bob"))
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


def write_settings(environment: dict[str, str], tts: dict[str, object]) -> None:
    file = Path(environment["PARLEY_CONFIG_DIR"]) / "worker.yaml"
    file.write_text(yaml.safe_dump({"tts": tts}), encoding="utf-8")


def make_speaker(folder: Path, pitch_hz: float, *, brightness: float) -> None:
    """Two seconds of a buzz whose loudness comes and goes as syllables do."""
    time_s = np.arange(2 * 24_000) / 24_000
    harmonics = range(1, int(7_000 / pitch_hz))
    buzz = sum(n**brightness * np.sin(2 * np.pi * pitch_hz * n * time_s) for n in harmonics)
    sound = buzz / np.abs(buzz).max() * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * time_s))
    folder.mkdir(parents=True)
    soundfile.write(folder / "prompt.wav", 0.5 * sound, 24_000)
    (folder / "prompt.txt").write_text("A few words, said in a recording.", encoding="utf-8")


def _await_serving(target: str, process: subprocess.Popen[bytes], log: Path) -> None:
    with grpc.insecure_channel(target) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        request = health_pb2.HealthCheckRequest()
        watch = stub.Watch(request, wait_for_ready=True, timeout=START_S)
        try:
            for response in watch:
                if response.status == health_pb2.HealthCheckResponse.SERVING:
                    return
        except grpc.RpcError as error:
            ended = f"ended with {process.poll()}" if process.poll() is not None else str(error)
            pytest.fail(f"the worker {ended}:\n{log.read_text(errors='replace')[-4000:]}")
