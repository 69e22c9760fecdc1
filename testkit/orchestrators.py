"""Orchestrators as processes of their own, as operators run them, and a client of theirs."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml
from websockets.asyncio.client import ClientConnection, connect

from parley import paths
from testkit.isolated_config import free_ports

STARTED_WITHIN_S = 120.0
ANSWER_WITHIN_S = 60.0
"""Machines that run everything else beside it are slow."""

Frame = dict[str, Any]


class OrchestratorProcess:
    """`settings` are those of its file, whose port is chosen here; may be started again."""

    def __init__(
        self, folder: Path, settings: Mapping[str, Any], *, environ: Mapping[str, str] | None = None
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (self.port,) = free_ports(1)
        self._folder = folder
        server = {"host": "127.0.0.1", "port": self.port, **settings.get("server", {})}
        self.config = folder / "orchestrator.yaml"
        self.config.write_text(yaml.safe_dump({**settings, "server": server}))
        self._environ = environ or {}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        return (self._folder / "log").read_text(errors="replace")

    def launch(self) -> None:
        """Begins to start."""
        own = {
            "PARLEY_CONFIG_DIR": str(self._folder),
            "PARLEY_STATE_DIR": str(self._folder / "state"),
            **self._environ,
        }
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "gateway.orchestrate", str(self.config)],
                cwd=paths.repository(),
                env={**os.environ, **own},
                stdout=log,
                stderr=log,
            )

    def wait(self) -> None:
        """Returns once it serves."""
        assert self._process is not None
        give_up_s = time.monotonic() + STARTED_WITHIN_S
        while time.monotonic() < give_up_s:
            if self._process.poll() is not None:
                raise RuntimeError(f"the orchestrator has ended:\n{self.log}")
            try:
                with urllib.request.urlopen(f"{self.url}/liveness", timeout=2):  # noqa: S310
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        raise RuntimeError(f"the orchestrator does not start:\n{self.log}")

    def start(self) -> None:
        self.launch()
        self.wait()

    def kill(self) -> None:
        """As a machine that loses its power does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()


@dataclass
class OrchestratorClient:
    """Of WS /orchestrate; keeps what came."""

    socket: ClientConnection
    session_id: str
    frames: list[Frame] = field(default_factory=list)
    audio: bytearray = field(default_factory=bytearray)

    async def send(self, kind: str, **fields: Any) -> None:
        message = {"type": kind, "session_id": self.session_id, **fields}
        await self.socket.send(json.dumps(message))

    async def say(self, text: str) -> None:
        """A whole utterance."""
        await self.send("stt_fragment", text=text, is_final=True)
        await self.send("vad_end", confidence=0.9)

    async def next(self) -> Frame:
        """The next text frame."""
        while True:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                data = await self.socket.recv()
            if isinstance(data, bytes):
                self.audio += data
                continue
            frame: Frame = json.loads(data)
            self.frames.append(frame)
            return frame

    async def until(self, kind: str, **fields: Any) -> Frame:
        """The next frame of that type with these fields; those before it are kept."""
        while True:
            frame = await self.next()
            if frame["type"] == kind and fields.items() <= frame.items():
                return frame

    async def closed(self) -> tuple[int, str]:
        """The code and reason of its end, which is waited for."""
        async with asyncio.timeout(ANSWER_WITHIN_S):
            await self.socket.wait_closed()
        return self.socket.close_code or 0, self.socket.close_reason or ""


@asynccontextmanager
async def connected(
    url: str, session_id: str, *, headers: Mapping[str, str] | None = None, **query: Any
) -> AsyncGenerator[OrchestratorClient]:
    """A client that has not read anything yet. `url` is that of the process."""
    asked = urlencode({"session_id": session_id, **query})
    address = f"{url.replace('http', 'ws', 1)}/orchestrate?{asked}"
    async with connect(address, additional_headers=headers, open_timeout=ANSWER_WITHIN_S) as socket:
        yield OrchestratorClient(socket, session_id)
