"""The cluster of the trials: Redis, two nodes, agent servers and gateways, a speech worker."""

import asyncio
import json
import os
import secrets
import signal
import urllib.request
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from aiohttp import web

from caller.access import Access, request_access
from ops.supervisor.stack import Stack
from parley import models, paths
from parley.discovery.redis import connect
from parley.errors import SupervisorError
from testkit.front_door import FrontDoor
from testkit.isolated_config import HOST, forget_own_settings, free_ports, write_config
from testkit.openai_server import event, no_choices, serving, streamed
from testkit.redis_server import RedisServer
from testkit.worker_process import WorkerProcess

VOICE = "piper-en-us-joe-medium"
MODEL = "storyteller"
STORY = (
    "Once there was a lighthouse on a small island. Its keeper counted the ships that passed by "
    "night. One winter no ship came for a week. Then, in the fog, he heard a bell."
)
NAMES = ("a", "b")
PARTS = ("livekit", "agent", "gateway")
"""Of each of them."""
ROOMS = "room_node_map"
"""LiveKit's own key."""
CLUSTER_FILE = "deploy/livekit/cluster.yaml"
"""Whose settings for Redis that goes away are tried here."""


@dataclass
class Cluster:
    """Everything runs; made by `running`. `door`, `gateways`: where callers find a node, and a
    gateway."""

    stacks: dict[str, Stack]
    door: FrontDoor
    gateways: FrontDoor
    redis: RedisServer = field(repr=False)

    async def access(self) -> Access:
        """To a new room, with an agent in it; raises CallError."""
        granted = await request_access(f"http://{self.gateways.address}")
        return granted.model_copy(update={"url": f"ws://{self.door.address}"})

    def address(self, name: str) -> str:
        """Of the node of that name."""
        return self.stacks[name].configuration.orchestrator.livekit.url.removeprefix("ws://")

    def gateway(self, name: str) -> str:
        """The address of the gateway of that name."""
        return f"{HOST}:{self.stacks[name].configuration.orchestrator.server.port}"

    def prefer(self, name: str) -> None:
        """New connections go to that node and gateway, and to the other where it is away."""
        self.door.targets.sort(key=lambda target: target != self.address(name))
        self.gateways.targets.sort(key=lambda target: target != self.gateway(name))

    def pid(self, name: str, part: str) -> int:
        """Raises SupervisorError where it does not run."""
        (found,) = (each for each in self.stacks[name].status if each.name == part)
        if found.pid is None:
            raise SupervisorError(f"{part} of {name} does not run")
        return found.pid

    def signal(self, name: str, part: str, number: signal.Signals) -> None:
        os.kill(self.pid(name, part), number)

    def agents_of(self, name: str) -> set[str]:
        """The rooms in which the agent server of that name has a call."""
        server = self.stacks[name].configuration.orchestrator.server
        url = f"http://{HOST}:{server.health_check_port}/capacity"
        with urllib.request.urlopen(url, timeout=5) as answer:
            return set(json.load(answer)["rooms"])

    async def nodes(self) -> dict[str, str]:
        """On which node each room is, as LiveKit's nodes tell one another in Redis."""
        async with connect(self.redis.url) as client:
            found = await client.hgetall(ROOMS)
        return {str(room): str(node) for room, node in found.items()}


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Cluster]:
    """Starts all of it on free ports, and ends it; raises ParleyError."""
    forget_own_settings()
    await asyncio.to_thread(models.ensure, VOICE)
    async with AsyncExitStack() as started:
        redis = RedisServer(folder, keeps_data=True)  # it knows on which node each room is
        started.callback(redis.stop)
        await asyncio.to_thread(redis.start)
        tts = {"adapter": "piper", "default_model": VOICE, "slots": 8}
        worker = WorkerProcess("tts-1", folder / "workers", tts=tts)
        started.push_async_callback(worker.stop)
        await worker.start()
        llm = await started.enter_async_context(serving(_complete, model=MODEL))
        keys = "parley-cluster", secrets.token_hex(32)
        health = dict(zip(NAMES, free_ports(len(NAMES)), strict=True))
        stacks = {}
        for name in NAMES:
            config = _configuration(
                folder / name, keys, llm, worker.target, redis.url, health[name], health.values()
            )
            stacks[name] = Stack(config, folder / name / "state", parts=PARTS)
            started.push_async_callback(asyncio.to_thread, stacks[name].stop)
            await asyncio.to_thread(stacks[name].start)
        cluster = Cluster(stacks, FrontDoor([]), FrontDoor([]), redis)
        cluster.door.targets += [cluster.address(name) for name in NAMES]
        cluster.gateways.targets += [cluster.gateway(name) for name in NAMES]
        for door in (cluster.door, cluster.gateways):
            await started.enter_async_context(door.open())
        yield cluster


def _configuration(
    folder: Path,
    keys: tuple[str, str],
    llm: str,
    tts: str,
    redis_url: str,
    health_port: int,
    health_ports: Iterable[int],
) -> Path:
    """`health_ports`: of all agent servers, which each gateway asks for their calls."""
    agents = ",".join(f"{HOST}:{port}" for port in health_ports)
    config = write_config(
        folder / "configs",
        orchestrator={
            "server": {"health_check_port": health_port, "agent_address": agents},
            "redis": {"url": redis_url},
            "livekit": {"api_key": keys[0], "api_secret": keys[1]},
            "tts": {"worker_address": tts, "default_model": VOICE},
            "asr": {"enabled": False},  # callers type: what is judged is what they hear
            "llm": {"base_url": llm, "api_key": "none", "model": MODEL},
            "agent": {"greeting": "", "max_sessions": 8, "drain_timeout_s": 120},
            "sessions": {"store": "redis", "url": redis_url},
        },
    )
    file = config / "livekit.yaml"
    server = yaml.safe_load(file.read_text(encoding="utf-8"))
    # On one machine all nodes have the same load: a room goes where there are fewest.
    server["redis"] = {"address": redis_url.removeprefix("redis://").partition("/")[0]}
    server["node_selector"] = {"kind": "any", "sort_by": "rooms"}
    cluster = yaml.safe_load((paths.repository() / CLUSTER_FILE).read_text(encoding="utf-8"))
    server["signal_relay"] = cluster["signal_relay"]
    file.write_text(yaml.safe_dump(server), encoding="utf-8")
    return config


async def _complete(request: web.Request) -> web.StreamResponse:
    if not (await request.json()).get("stream"):
        return no_choices()

    async def tell(response: web.StreamResponse) -> None:
        for place, word in enumerate(STORY.split()):
            await response.write(event(f" {word}" if place else word, model=MODEL))

    return await streamed(request, tell)
