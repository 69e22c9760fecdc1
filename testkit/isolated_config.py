"""Configuration of a Parley of one's own beside others on this machine: on free ports."""

import contextlib
import os
import random
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from parley import paths
from parley.settings import OrchestratorSettings, WorkerSettings
from parley.settings.orchestrator import SMALL_LLM
from parley.settings.port_offset import PORT_OFFSET
from parley.settings.source import environment_variables

HOST = "127.0.0.1"
UDP_PORTS = 100
TCP_PORTS = range(10_000, 16_000)
"""Below those that systems give to connections: what is free now, no connection takes next."""
UDP_BEGINNINGS = range(20_000, 30_000, UDP_PORTS)
_MOST_SHARES = 30
"""Of more processes than this, several have the same: a share has to suffice for a whole Parley."""


def own_share(numbers: range) -> range:
    """Those that this process may take: where tests run side by side, each process of pytest-xdist
    has a share of its own, so that no two find the same port free."""
    count = min(int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")), _MOST_SHARES)
    # One that replaces a process that died has a number of its own.
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % count
    each = len(numbers) // count
    return numbers[number * each : (number + 1) * each]


def free_ports(count: int) -> list[int]:
    """So many different TCP ports that are free now."""
    found: list[int] = []
    own = own_share(TCP_PORTS)
    with contextlib.ExitStack() as held:
        for port in random.SystemRandom().sample(own, min(100 + count, len(own))):
            with contextlib.suppress(OSError):  # somebody listens there
                held.enter_context(socket.create_server((HOST, port)))
                found.append(port)
            if len(found) == count:
                return found
    raise OSError(f"no {count} ports of 127.0.0.1 are free")


def forget_own_settings() -> None:
    """No setting of the person who runs this counts in what it starts."""
    for model in (OrchestratorSettings, WorkerSettings):
        for _, name in environment_variables(model):
            os.environ.pop(name, None)
    os.environ.pop(PORT_OFFSET, None)


def write_config(
    folder: Path,
    *,
    orchestrator: Mapping[str, Any] | None = None,
    worker: Mapping[str, Any] | None = None,
) -> Path:
    """The project's configuration files in `folder`, with free ports and the changes given."""
    livekit, rtc, gateway, health, tts, tts_metrics, asr, asr_metrics, llm, private = free_ports(10)
    udp = random.SystemRandom().choice(own_share(UDP_BEGINNINGS))
    ports: dict[str, Mapping[str, Any]] = {
        "orchestrator.yaml": {
            "server": {
                "port": gateway,
                "health_check_port": health,
                "gateway_health_port": private,
            },
            "livekit": {"url": f"ws://{HOST}:{livekit}"},
            "tts": {"worker_address": f"{HOST}:{tts}"},
            "asr": {"worker_address": f"{HOST}:{asr}"},
            # The one that every machine has room for, and that nothing takes over from.
            "llm": {"local_port": llm, "local_model": SMALL_LLM},
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
    changes = {"orchestrator.yaml": orchestrator or {}, "worker.yaml": worker or {}}
    folder.mkdir(parents=True, exist_ok=True)
    for name, free in ports.items():
        file = paths.repository() / "configs" / name
        values = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        values = _merged(_merged(values, free), changes.get(name, {}))
        (folder / name).write_text(yaml.safe_dump(values), encoding="utf-8")
    return folder


def _merged(values: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(values)
    for key, value in change.items():
        old = merged.get(key)
        merged[key] = _merged(old, value) if isinstance(old, dict) else value
    return merged
