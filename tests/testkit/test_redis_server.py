"""The Redis of tests and benchmarks: what it holds once it is back, and that it outlives nobody."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import redis

from parley import paths
from testkit.redis_server import RedisServer
from tests.servers import redis_in

pytestmark = pytest.mark.servers

STARTS_ONE = """
import sys, time
from pathlib import Path
from testkit.redis_server import RedisServer
server = RedisServer(Path(sys.argv[1]))
server.start()
print(server.port, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("keeps_data", [True, False])
def test_it_comes_back_at_its_port_as_it_was_or_empty(tmp_path: Path, keeps_data: bool) -> None:
    redis_in(tmp_path)
    server = RedisServer(tmp_path, keeps_data=keeps_data)
    server.start()
    try:
        with redis.Redis.from_url(server.url) as client:
            client.set("a", "b")
        server.stop()
        assert not server.runs
        server.start()
        with redis.Redis.from_url(server.url) as client:
            assert client.get("a") == (b"b" if keeps_data else None)
    finally:
        server.stop()


def test_it_ends_with_who_started_it_however_that_ends(tmp_path: Path) -> None:
    redis_in(tmp_path)
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTS_ONE, str(tmp_path)],
        cwd=paths.repository(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert starter.stdout is not None
    with starter:
        assert int(starter.stdout.readline())
        started = psutil.Process(starter.pid).children(recursive=True)
        assert "redis-server" in [each.name() for each in started]
        starter.kill()
    _, left = psutil.wait_procs(started, timeout=60)
    assert left == []
