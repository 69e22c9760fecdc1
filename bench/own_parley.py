"""A Parley of a benchmark's own: on free ports, in a folder that goes with it."""

import asyncio
import random
import tempfile
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

from bench.told_scripts import MODEL
from bench.worker_process import forget_own_settings, free_ports
from caller.access import Access
from gateway.tokens import CallTokens
from parley import paths
from parley.supervisor.stack import Stack

UDP_PORTS = 100
PARTS = ("livekit", "tts", "asr", "agent")
"""Neither the page nor the local model; rooms are opened with the stack's own keys."""


class OwnParley:
    """A running Parley; made by `running`."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    def access(self) -> Access:
        """To a new room, where the agent will be."""
        settings = self.stack.configuration.orchestrator.livekit
        keys = self.stack.keys.for_clients()
        granted = CallTokens(
            settings.model_copy(
                update={
                    "api_key": keys["LIVEKIT_API_KEY"],
                    "api_secret": type(settings.api_secret)(keys["LIVEKIT_API_SECRET"]),
                }
            )
        ).grant()
        return Access(
            url=granted.url, token=granted.token, room=granted.room, identity=granted.identity
        )

    @property
    def asr_address(self) -> str:
        return self.stack.configuration.orchestrator.asr.worker_address

    @property
    def tts_address(self) -> str:
        return self.stack.configuration.orchestrator.tts.worker_address


@asynccontextmanager
async def running(
    *, llm_url: str, max_sessions: int = 4, parts: Collection[str] = PARTS
) -> AsyncIterator[OwnParley]:
    """Starts the parts and ends them, however the block is left; raises ParleyError.

    Everything is at the project's defaults but the ports, the model, the greeting (none), and the
    wait after a sentence that seems unfinished (short: interruptions are cut from recordings).
    """
    forget_own_settings()
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder:
        config = _write_config(Path(folder) / "configs", llm_url, max_sessions)
        stack = Stack(config, Path(folder) / "state", parts=parts)
        try:
            await asyncio.to_thread(stack.start)
            yield OwnParley(stack)
        finally:
            await asyncio.to_thread(stack.stop)


def _write_config(folder: Path, llm_url: str, max_sessions: int) -> Path:
    livekit, rtc, gateway, health, tts, tts_metrics, asr, asr_metrics = free_ports(8)
    udp = random.SystemRandom().randrange(20000, 30000, UDP_PORTS)
    changes: dict[str, Mapping[str, Any]] = {
        "orchestrator.yaml": {
            "server": {"port": gateway, "health_check_port": health},
            "livekit": {"url": f"ws://127.0.0.1:{livekit}"},
            "tts": {"worker_address": f"127.0.0.1:{tts}"},
            "asr": {"worker_address": f"127.0.0.1:{asr}"},
            "llm": {"base_url": llm_url, "api_key": "none", "model": MODEL},
            "agent": {"greeting": "", "max_sessions": max_sessions},
            "turn": {"endpointing_max_delay_s": 0.5},
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
    folder.mkdir(parents=True)
    for name, change in changes.items():
        file = paths.repository() / "configs" / name
        values = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        (folder / name).write_text(yaml.safe_dump(_merged(values, change)), encoding="utf-8")
    return folder


def _merged(values: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(values)
    for key, value in change.items():
        old = merged.get(key)
        merged[key] = _merged(old, value) if isinstance(old, dict) else value
    return merged
