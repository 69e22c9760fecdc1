"""Fixtures that the tests of all parts share: a running Parley, or its LiveKit server alone."""

import contextlib
import os
import random
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from parley import paths
from parley.settings import OrchestratorSettings, WorkerSettings
from parley.settings.source import environment_variables
from parley.supervisor.parts import PART_NAMES
from parley.supervisor.stack import Stack

UDP_PORTS = 100


def pytest_configure() -> None:
    """No setting of the person who runs the tests counts in them."""
    for model in (OrchestratorSettings, WorkerSettings):
        for _, name in environment_variables(model):
            os.environ.pop(name, None)


def free_ports(count: int) -> list[int]:
    """So many different TCP ports that are free now."""
    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(socket.socket()) for _ in range(count)]
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in listeners]


def write_test_config(folder: Path) -> Path:
    """The project's configuration files in `folder`, with free ports and nothing else changed."""
    livekit, rtc, gateway, health, tts, tts_metrics, asr, asr_metrics, llm = free_ports(9)
    udp = random.SystemRandom().randrange(20000, 30000, UDP_PORTS)
    changes = {
        "orchestrator.yaml": {
            "server": {"port": gateway, "health_check_port": health},
            "livekit": {"url": f"ws://127.0.0.1:{livekit}"},
            "tts": {"worker_address": f"127.0.0.1:{tts}"},
            "asr": {"worker_address": f"127.0.0.1:{asr}"},
            "llm": {"local_port": llm},
        },
        "worker.yaml": {
            "tts": {"port": tts, "metrics_port": tts_metrics},
            "asr": {"port": asr, "metrics_port": asr_metrics},
        },
        "livekit.yaml": {
            "port": livekit,
            "rtc": {
                "tcp_port": rtc,
                "port_range_start": udp,
                "port_range_end": udp + UDP_PORTS - 1,
            },
        },
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, change in changes.items():
        file = paths.repository() / "configs" / name
        values = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        (folder / name).write_text(yaml.safe_dump(_merged(values, change)), encoding="utf-8")
    return folder


def _merged(values: dict[str, object], change: dict[str, object]) -> dict[str, object]:
    merged = dict(values)
    for key, value in change.items():
        old = merged.get(key)
        merged[key] = _merged(old, value) if isinstance(old, dict) else value  # type: ignore[arg-type]
    return merged


@pytest.fixture(scope="session")
def start_stack(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., Stack]]:
    """Starts parts by name on free ports in a folder of their own; stops them at the end."""
    stacks: list[Stack] = []

    def start(*parts: str, configuration: Path | None = None) -> Stack:
        folder = tmp_path_factory.mktemp("stack")
        configs = configuration or write_test_config(folder / "configs")
        stack = Stack(configs, folder / "state", parts=parts)
        stack.start()
        stacks.append(stack)
        return stack

    yield start
    for stack in reversed(stacks):
        stack.stop()


@pytest.fixture(scope="session")
def livekit(start_stack: Callable[..., Stack]) -> Stack:
    """A LiveKit server; `.configuration.orchestrator.livekit.url` and `.keys` reach it."""
    return start_stack("livekit")


@pytest.fixture(scope="session")
def stack(start_stack: Callable[..., Stack]) -> Stack:
    """The whole of Parley. What starts `./run` beside it passes on `stack.environment`."""
    return start_stack(*PART_NAMES)
