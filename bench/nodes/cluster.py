"""The cluster of the trials: Redis, two nodes, two agent servers, a speech worker, one door."""

import asyncio
import json
import os
import secrets
import signal
import urllib.request
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from aiohttp import web

from caller.access import Access
from gateway.calls.tokens import CallTokens
from gateway.calls.watcher import watching_calls
from ops.supervisor.stack import Stack
from parley import models
from parley.discovery.redis import connect
from parley.errors import SupervisorError
from parley.settings.orchestrator import LiveKitSection
from parley.telemetry.gateway import GatewayMetrics
from testkit.front_door import FrontDoor
from testkit.isolated_config import HOST, forget_own_settings, write_config
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
ROOMS = "room_node_map"
"""LiveKit's own key."""


@dataclass
class Cluster:
    """Everything runs; made by `running`. `door`: where callers and gateways find a node."""

    stacks: dict[str, Stack]
    door: FrontDoor
    livekit: LiveKitSection = field(repr=False)
    redis: RedisServer = field(repr=False)

    def access(self) -> Access:
        """To a new room, with an agent in it."""
        granted = CallTokens(self.livekit).grant()
        return Access(
            url=f"ws://{self.door.address}",
            token=granted.token,
            room=granted.room,
            identity=granted.identity,
        )

    def address(self, name: str) -> str:
        """Of the node of that name."""
        return self.stacks[name].configuration.orchestrator.livekit.url.removeprefix("ws://")

    def prefer(self, name: str) -> None:
        """New connections go to that node, and to the other where it is away."""
        self.door.targets.sort(key=lambda target: target != self.address(name))

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
        redis = RedisServer(folder)
        started.push_async_callback(redis.stop)
        await redis.start()
        tts = {"adapter": "piper", "default_model": VOICE, "slots": 8}
        worker = WorkerProcess("tts-1", folder / "workers", tts=tts)
        started.push_async_callback(worker.stop)
        await worker.start()
        llm = await started.enter_async_context(serving(_complete, model=MODEL))
        keys = "parley-cluster", secrets.token_hex(32)
        stacks = {}
        for name in NAMES:
            config = _configuration(folder / name, keys, llm, worker.target, redis.url)
            stacks[name] = Stack(config, folder / name / "state", parts=("livekit", "agent"))
            started.push_async_callback(asyncio.to_thread, stacks[name].stop)
            await asyncio.to_thread(stacks[name].start)
        livekit = stacks["a"].configuration.orchestrator.livekit
        cluster = Cluster(stacks, FrontDoor([]), livekit, redis)
        cluster.door.targets += [cluster.address(name) for name in NAMES]
        await started.enter_async_context(cluster.door.open())
        # What a gateway does for calls that have lost their agent.
        own = livekit.model_copy(update={"url": f"ws://{cluster.door.address}"})
        outcomes = GatewayMetrics().redispatches
        await started.enter_async_context(watching_calls(own, outcomes))
        yield cluster


def _configuration(folder: Path, keys: tuple[str, str], llm: str, tts: str, redis_url: str) -> Path:
    config = write_config(
        folder / "configs",
        orchestrator={
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
    # The same node does not get every room: which one, chance decides.
    server["redis"] = {"address": redis_url.removeprefix("redis://").partition("/")[0]}
    server["node_selector"] = {"kind": "any", "sort_by": "random"}
    file.write_text(yaml.safe_dump(server), encoding="utf-8")
    return config


async def _complete(request: web.Request) -> web.StreamResponse:
    if not (await request.json()).get("stream"):
        return no_choices()

    async def tell(response: web.StreamResponse) -> None:
        for place, word in enumerate(STORY.split()):
            await response.write(event(f" {word}" if place else word, model=MODEL))

    return await streamed(request, tell)
