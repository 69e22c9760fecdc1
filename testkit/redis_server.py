"""A redis-server of the suite: it can be taken away and brought back, empty or as it was."""

import asyncio
import shutil
from pathlib import Path

import redis.asyncio
import redis.exceptions

from ops.supervisor.environment import base_environment
from ops.supervisor.part import Part
from ops.supervisor.part_log import PartLog
from ops.supervisor.part_process import PartProcess
from parley.discovery.lease import index_key, lease_key
from parley.discovery.redis import connect
from parley.errors import ConfigurationError
from testkit.isolated_config import HOST, free_ports

READY_S = 10.0
POLL_S = 0.05


class RedisServer:
    """`start` and `stop` it as often as needed: it keeps its port."""

    def __init__(self, folder: Path, *, keeps_data: bool = False) -> None:
        """`keeps_data`: it writes down what it holds, in `folder`; else it comes back empty.

        Raises ConfigurationError where there is no redis-server.
        """
        program = shutil.which("redis-server")
        if program is None:
            raise ConfigurationError(
                "the Redis cases need redis-server (Debian: apt-get install redis-server); "
                "name other cases to run without it"
            )
        (port,) = free_ports(1)
        self.url = f"redis://{HOST}:{port}/0"
        keeping = ("--appendonly", "yes", "--dir", str(folder)) if keeps_data else ()
        self._part = Part(
            name="redis",
            command=(program, "--port", str(port), "--bind", HOST, "--save", "", *keeping),
            environment=base_environment(),
            ready_url="",
        )
        self._log = PartLog(folder / "redis.log")
        self._process: PartProcess | None = None

    @property
    def runs(self) -> bool:
        return self._process is not None

    async def start(self) -> None:
        """Returns once it answers."""
        self._process = await PartProcess.start(self._part, self._log)
        async with connect(self.url) as client, asyncio.timeout(READY_S):
            while not await _answers(client):  # noqa: ASYNC110 - its answer is all there is
                await asyncio.sleep(POLL_S)

    async def stop(self) -> None:
        """Kills it; safe at any time."""
        if self._process is not None:
            self._process.kill()
            await self._process.ended()
            self._process = None

    async def registered(self, workers: int, *, within_s: float) -> float | None:
        """After how many seconds so many synthesis workers hold a lease; None: not in time."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with connect(self.url) as client:
            while loop.time() - began < within_s:
                if await _leases(client) >= workers:
                    return round(loop.time() - began, 2)
                await asyncio.sleep(POLL_S)
        return None


async def _answers(client: "redis.asyncio.Redis") -> bool:
    try:
        return bool(await client.ping())
    except (redis.exceptions.RedisError, OSError):
        return False


async def _leases(client: "redis.asyncio.Redis") -> int:
    ids = await client.smembers(index_key("synthesis"))
    keys = [lease_key(str(worker_id)) for worker_id in ids]
    return int(await client.exists(*keys)) if keys else 0
