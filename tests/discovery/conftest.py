"""A real Redis for the tests of what stands on it."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from testkit.isolated_config import free_ports
from testkit.logged_process import ready_process


class RedisServer:
    """Debian's redis-server on a port of its own; it can be taken away and brought back."""

    def __init__(self, program: str, folder: Path) -> None:
        (self.port,) = free_ports(1)
        self._command = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        self._process = ready_process(
            self._command,
            log=self._folder / "redis.log",
            ready=b"Ready to accept connections",
            folder=self._folder,
        )

    def stop(self) -> None:
        """Loses everything it held, as a restart of a Redis without persistence does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed (Debian: apt-get install redis-server)")
    server = RedisServer(program, tmp_path)
    server.start()
    yield server
    server.stop()
