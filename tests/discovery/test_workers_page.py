"""docs/workers.md followed to the letter: workers of other shells, and of other machines."""

import asyncio
import json
import os
import shlex
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from parley import paths
from parley.settings import load_orchestrator
from parley.speech.configured import speech_discovery
from testkit.doc_fences import fences
from testkit.isolated_config import free_ports, write_config
from testkit.own_network import interface_and_address
from testkit.redis_server import RedisServer
from tests.speech.certificates import make_certificates
from tests.workers.process import HIBARI

pytestmark = pytest.mark.servers

PAGE = "workers.md"
SHELL, MACHINE = "Redis from another shell", "On another machine"
SHOWN_REDIS = "redis://127.0.0.1:6379/0"
WITHIN_S = 60.0
QUICK = {"adapter": "hibari", "default_model": HIBARI}
"""What the page leaves as it is by default, in a small voice."""


def settings_of(section: str, here: Mapping[str, str] | None = None) -> list[Any]:
    """The settings that the page shows there; `here`: what there is in place of what it shows."""
    found = []
    for fence in fences(PAGE, "yaml", under=section):
        text = fence.text
        for shown, ours in (here or {}).items():
            text = text.replace(shown, ours)
        found.append(yaml.safe_load(text))
    return found


@dataclass(frozen=True)
class Shell:
    """A shell in the folder of Parley: it knows the settings there, and no other's variables."""

    folder: Path

    @property
    def variables(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "PARLEY_CONFIG_DIR": str(self.folder / "configs"),
            "PARLEY_STATE_DIR": str(self.folder / "state"),
            "PARLEY_CACHE_DIR": str(paths.cache_dir()),
        }

    @asynccontextmanager
    async def running(self, line: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """A command of the page, until the block is left."""
        process = await self._started(line)
        try:
            yield process
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()

    async def says(self, line: str, *more: str) -> str:
        """What the command prints; it has to end well."""
        process = await self._started(line, *more, pipes=True)
        async with asyncio.timeout(WITHIN_S):
            out, errors = await process.communicate()
        assert process.returncode == 0, f"{line}\n{out.decode()}\n{errors.decode()}"
        return out.decode()

    async def _started(
        self, line: str, *more: str, pipes: bool = False
    ) -> asyncio.subprocess.Process:
        program, *arguments = shlex.split(line)
        commands = {
            "./run": [sys.executable, "-P", "-m", "cli.main"],
            ".venv/bin/python": [sys.executable],
        }
        pipe = asyncio.subprocess.PIPE if pipes else None
        return await asyncio.create_subprocess_exec(
            *commands.get(program, [program]),
            *arguments,
            *more,
            cwd=paths.repository(),
            env=self.variables | ({"PYTHONPATH": "."} if program == "./run" else {}),
            stdout=pipe,
            stderr=pipe,
        )


def merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Both, section by section."""
    return {key: {**one.get(key, {}), **other.get(key, {})} for key in {*one, *other}}


def room_for_two() -> tuple[int, int]:
    """Two ports for the first worker of which the second's, 10 further on, are free as well."""
    while True:
        ports = free_ports(2)
        try:
            for port in ports:
                socket.create_server(("127.0.0.1", port + 10)).close()
        except OSError:
            continue
        return ports[0], ports[1]


async def until_there_are(count: int, shell: Shell) -> set[str]:
    """The workers that the settings lead to, once there are so many."""
    file = shell.folder / "configs" / "orchestrator.yaml"
    discovery = speech_discovery(load_orchestrator(file, environ={}))
    async with discovery.watching(), asyncio.timeout(WITHIN_S):
        while len(discovery.workers()) < count:  # noqa: ASYNC110 - a snapshot, it has no event
            await asyncio.sleep(0.05)
        return {worker.target for worker in discovery.workers()}


async def test_a_worker_of_another_shell_is_found_over_redis(
    redis_server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARLEY_STATE_DIR", str(tmp_path / "state"))
    orchestrator, worker = settings_of(SHELL, {SHOWN_REDIS: redis_server.url})
    port, metrics_port = room_for_two()
    ports = {"port": port, "metrics_port": metrics_port}
    shell = Shell(tmp_path)
    write_config(
        tmp_path / "configs",
        # What answers no call here: the page's shells have recognition as well.
        orchestrator=merged(
            orchestrator, {"tts": {"default_model": HIBARI}, "asr": {"enabled": False}}
        ),
        worker=merged(worker, {"tts": {**QUICK, **ports}}),
    )
    second, asking = (fence.text.strip() for fence in fences(PAGE, "sh", under=SHELL))
    first = second.removesuffix(" --number 2")
    assert first != second
    async with shell.running(first), shell.running(second) as newcomer:
        targets = {f"127.0.0.1:{port}", f"127.0.0.1:{port + 10}"}
        assert await until_there_are(2, shell) == targets
        status, say, smembers = asking.splitlines()
        listed = json.loads(await shell.says(status, "--json"))
        assert {each["address"] for each in listed["workers"]} == targets
        spoken = await shell.says(say, "--json", "--save", str(tmp_path / "said.wav"))
        assert json.loads(spoken)["words"] == 5
        leases = await shell.says(smembers.replace("redis-cli", f"redis-cli -u {redis_server.url}"))
        assert len(leases.split()) == 2
        newcomer.terminate()
        async with asyncio.timeout(WITHIN_S):
            assert await newcomer.wait() == 0
        assert await until_there_are(1, shell) == {f"127.0.0.1:{port}"}


async def test_a_worker_of_another_machine_is_reached_over_tls(
    redis_server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARLEY_STATE_DIR", str(tmp_path / "here" / "state"))
    if (network := interface_and_address()) is None:
        pytest.skip("this machine is in no network")
    _, address = network
    port, metrics_port = free_ports(2)
    target = f"{address}:{port}"
    here, there = Shell(tmp_path / "here"), Shell(tmp_path / "there")
    shown_redis = "redis://:PASSWORD@192.168.1.7:6379/0"
    (worker,) = settings_of(MACHINE, {shown_redis: redis_server.url, "192.168.1.8:7001": target})
    orchestrator, _ = settings_of(SHELL, {SHOWN_REDIS: redis_server.url})
    (tls,) = (each for each in settings_of("TLS") if "server_name" in each["tls"])
    certificates = make_certificates(tmp_path / "tls")
    for shell in (here, there):
        write_config(
            shell.folder / "configs",
            orchestrator=merged(orchestrator, {"tts": {"default_model": HIBARI}, **tls}),
            worker=merged(worker, {"tts": {**QUICK, "port": port, "metrics_port": metrics_port}}),
        )
        (shell.folder / "configs" / "tls").symlink_to(certificates)
    async with there.running(".venv/bin/python -m workers.tts"):
        assert await until_there_are(1, here) == {target}
        wav = str(tmp_path / "said.wav")
        spoken = await here.says('./run say "From far away."', "--json", "--save", wav)
        assert json.loads(spoken)["worker"]
