"""`./run bench parts`: how soon the agent's health names a part that is gone, and is well again.

Real processes: Redis, the synthesis worker, the model's server and LiveKit are stopped one after
the other while an agent runs, and started again. Its health port is asked ten times a second.
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from bench.machine import Machine
from bench.promise import Promise, print_promises
from bench.stopping import run_until_stopped
from ops.supervisor.stack import Stack
from parley.arguments import CommandParser
from parley.clock import monotonic
from parley.errors import ParleyError
from testkit.fake_llm import FakeLlm, llm_serving
from testkit.isolated_config import HOST, forget_own_settings, free_ports, write_config
from testkit.redis_server import RedisServer

NAMED_WITHIN_S, HEALTHY_WITHIN_S = 2.0, 5.0
ASK_EVERY_S = 0.1
GIVE_UP_S = 60.0
NOT_READY_WITHOUT = ("worker", "livekit")
"""Calls cannot begin without these; without the others they can, if poorly."""


@dataclass(frozen=True)
class PartLost:
    """One part, stopped and started again; times in seconds."""

    part: str
    named_after_s: float | None
    """Until /health said so; None: it never did."""
    was_ready: bool
    """While it was away, once it had been named."""
    always_alive: bool
    healthy_after_s: float | None
    """Since it was back, as a process that is ready."""

    def promises(self) -> list[Promise]:
        follows = self.was_ready == (self.part not in NOT_READY_WITHOUT)
        return [
            Promise(f"{self.part}_named_within_s", NAMED_WITHIN_S, self.named_after_s),
            Promise(f"{self.part}_healthy_within_s", HEALTHY_WITHIN_S, self.healthy_after_s),
            Promise(f"{self.part}_readiness_follows", 1, float(follows), at_least=True),
            Promise(f"{self.part}_alive", 1, float(self.always_alive), at_least=True),
        ]


class Health:
    """The agent's port."""

    def __init__(self, url: str, http: httpx.AsyncClient) -> None:
        self._url = url
        self._http = http
        self.was_dead = False

    async def check(self, part: str) -> bool:
        """Whether the part answers; what is alive is looked at beside it."""
        alive = await self._http.get(f"{self._url}/liveness")
        self.was_dead |= alive.status_code != httpx.codes.OK
        found = (await self._http.get(f"{self._url}/health")).json()
        return bool(found["checks"][part]["ok"])

    async def is_ready(self) -> bool:
        return (await self._http.get(f"{self._url}/readiness")).status_code == httpx.codes.OK

    async def is_healthy(self) -> bool:
        found = (await self._http.get(f"{self._url}/health")).json()
        return bool(found["status"] == "healthy") and await self.is_ready()


def main(arguments: list[str]) -> int:
    parser = CommandParser(prog="./run bench parts", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one document, and nothing else")
    options = parser.parse_args(arguments)
    forget_own_settings()
    try:
        found = run_until_stopped(measure())
    except ParleyError as error:
        print(f"parley: {error}", file=sys.stderr)
        return 1
    promises = [promise for lost in found for promise in lost.promises()]
    if options.json:
        document: dict[str, Any] = {
            "machine": asdict(Machine.this()),
            "parts": [asdict(lost) for lost in found],
            "promises": [promise.document() for promise in promises],
        }
        print(json.dumps(document))
    else:
        _print(found, promises)
    return 0 if all(promise.kept for promise in promises) else 1


async def measure() -> list[PartLost]:
    """Raises ParleyError where something does not start."""
    async with AsyncExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="parley-bench-")))
        redis = RedisServer(folder)
        (llm_port,) = free_ports(1)
        configs = write_config(
            folder / "configs",
            orchestrator={
                "livekit": {
                    "api_key": "bench",
                    "api_secret": "of-a-bench-and-nowhere-else-32-long",
                },
                "llm": {
                    "base_url": f"http://{HOST}:{llm_port}/v1",
                    "api_key": "k",
                    "model": "fake",
                },
                "redis": {"url": redis.url},
            },
        )

        @asynccontextmanager
        async def redis_running() -> AsyncIterator[None]:
            await asyncio.to_thread(redis.start)
            try:
                yield
            finally:
                await asyncio.to_thread(redis.stop)

        parts = {
            "redis": _Switched(redis_running),
            "worker": _Switched(lambda: _part(configs, folder / "tts", "tts")),
            "llm": _Switched(lambda: llm_serving(FakeLlm(), port=llm_port)),
            "livekit": _Switched(lambda: _part(configs, folder / "livekit", "livekit")),
        }
        for part in parts.values():
            running.push_async_callback(part.stop)
            await part.start()
        await running.enter_async_context(_part(configs, folder / "agent", "asr", "agent"))
        http = await running.enter_async_context(httpx.AsyncClient(timeout=5))
        port = Stack(configs, folder / "agent").configuration.orchestrator.server.health_check_port
        health = Health(f"http://{HOST}:{port}", http)
        await _until(health.is_healthy)
        return [await _lose(name, part, health) for name, part in parts.items()]


async def _lose(name: str, part: "_Switched", health: Health) -> PartLost:
    async def is_named() -> bool:
        return not await health.check(name)

    health.was_dead = False
    stopping = asyncio.create_task(part.stop())
    named_after_s = await _until(is_named)
    await stopping
    ready = await health.is_ready()
    await part.start()
    healthy_after_s = await _until(health.is_healthy)
    return PartLost(name, named_after_s, ready, not health.was_dead, healthy_after_s)


async def _until(condition: Callable[[], Awaitable[bool]]) -> float | None:
    """Seconds until then; None: it did not come to that."""
    began_s = monotonic()
    while monotonic() - began_s < GIVE_UP_S:
        if await condition():
            return round(monotonic() - began_s, 2)
        await asyncio.sleep(ASK_EVERY_S)
    return None


class _Switched:
    """What can be started and stopped again and again."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._running: AsyncExitStack | None = None

    async def start(self) -> None:
        self._running = AsyncExitStack()
        await self._running.enter_async_context(self._make())

    async def stop(self) -> None:
        if self._running is not None:
            running, self._running = self._running, None
            await running.aclose()


@asynccontextmanager
async def _part(configs: Path, state: Path, *names: str) -> AsyncIterator[None]:
    stack = Stack(configs, state, parts=names)
    await asyncio.to_thread(stack.start)
    try:
        yield
    finally:
        await asyncio.to_thread(stack.stop)


def _print(found: list[PartLost], promises: list[Promise]) -> None:
    console = Console()
    table = Table(title="a part is stopped, and started again")
    for column in ("part", "named after, s", "ready meanwhile", "healthy after, s"):
        table.add_column(column)
    for lost in found:
        ready = "yes" if lost.was_ready else "no"
        table.add_row(lost.part, str(lost.named_after_s), ready, str(lost.healthy_after_s))
    console.print(table)
    print_promises(console, promises)
