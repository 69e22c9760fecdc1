"""A redis-server on a port of its own: taken away and brought back, empty or as it was."""

import asyncio
import shutil
import signal
import subprocess
from pathlib import Path

import redis.asyncio

from ops.supervisor.environment import base_environment
from ops.supervisor.part_process import guarded
from parley.discovery.lease import index_key, lease_key
from parley.discovery.redis import connect
from parley.errors import ConfigurationError
from testkit.isolated_config import HOST, free_ports
from testkit.logged_process import ready_process

POLL_S = 0.05


class RedisServer:
    """`start` and `stop` it as often as needed: it keeps its port. Both block, for some tenths of
    a second; a loop that has sound to carry calls them in a thread."""

    def __init__(self, folder: Path, *, keeps_data: bool = False) -> None:
        """`keeps_data`: it writes down what it holds, in `folder`; else it comes back empty.

        Raises ConfigurationError where there is no redis-server.
        """
        program = shutil.which("redis-server")
        if program is None:
            raise ConfigurationError(
                "redis-server is not installed (Debian: apt-get install redis-server)"
            )
        (self.port,) = free_ports(1)
        self._folder = folder
        keeping = ("--appendonly", "yes", "--dir", str(folder)) if keeps_data else ()
        self._command = guarded(
            (program, "--port", str(self.port), "--bind", HOST, "--save", "", *keeping),
            stop_signal=signal.SIGKILL,
            stop_within_s=0.0,
        )
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def runs(self) -> bool:
        return self._process is not None

    @property
    def url(self) -> str:
        return self.database(0)

    def database(self, number: int) -> str:
        """The URL of one of its 16."""
        return f"redis://{HOST}:{self.port}/{number}"

    def start(self) -> None:
        """Returns once it answers; raises RuntimeError with what it said where it does not."""
        self._process = ready_process(
            self._command,
            log=self._folder / "redis.log",
            ready=b"Ready to accept connections",
            folder=self._folder,
            environ=base_environment(),
        )

    def stop(self) -> None:
        """Kills it; safe at any time."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
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


async def _leases(client: "redis.asyncio.Redis") -> int:
    ids = await client.smembers(index_key("synthesis"))
    keys = [lease_key(str(worker_id)) for worker_id in ids]
    return int(await client.exists(*keys)) if keys else 0
