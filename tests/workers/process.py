"""A speech worker as a process of its own, with the settings that a test gives it."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import grpc
import yaml
from grpc_health.v1 import health_pb2, health_pb2_grpc

from parley import paths
from parley.rpc.v1 import synthesis_pb2_grpc as rpc
from testkit.isolated_config import free_ports

PIPER, HIBARI = "piper-en-us-joe-medium", "hibari-en-us-heart"
KOKORO = "kokoro-en-us-heart"
START_S = 120


@dataclass
class Worker:
    process: "subprocess.Popen[str]"
    port: int
    metrics_port: int

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"


@contextmanager
def started(
    folder: Path,
    *,
    part: Literal["tts", "asr"] = "tts",
    beside: dict[str, object] | None = None,
    environment: Mapping[str, str] | None = None,
    **section: object,
) -> Iterator[Worker]:
    """A worker process with these settings of its part, and other sections in `beside`.

    Killed at the end, if it has not ended.
    """
    port, metrics_port = free_ports(2)
    settings = {"port": port, "metrics_port": metrics_port, **section}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "worker.yaml").write_text(yaml.safe_dump({part: settings, **(beside or {})}), "utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", f"workers.{part}"],
        cwd=paths.repository(),
        env={**os.environ, "PARLEY_CONFIG_DIR": str(folder), **(environment or {})},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Worker(process, port, metrics_port)
    finally:
        process.kill()
        process.communicate()


@asynccontextmanager
async def client(worker: Worker) -> AsyncIterator["rpc.SpeechSynthesisAsyncStub"]:
    """A client of the synthesis worker, once that is warm."""
    async with serving(worker) as channel:
        yield rpc.SpeechSynthesisStub(channel)


@asynccontextmanager
async def serving(worker: Worker) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to the worker, once that is warm."""
    async with grpc.aio.insecure_channel(worker.target) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(
            health_pb2.HealthCheckRequest(), wait_for_ready=True, timeout=START_S
        )
        async for health in watch:
            if health.status == health_pb2.HealthCheckResponse.SERVING:
                break
        watch.cancel()
        yield channel
