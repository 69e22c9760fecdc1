"""Fixtures that the tests of all parts share: a running Parley, its LiveKit server alone, a Redis,
a PostgreSQL."""

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import redis

from ops.supervisor.parts import PART_NAMES
from ops.supervisor.stack import Stack
from testkit.isolated_config import forget_own_settings, write_config
from testkit.otlp_receiver import OtlpReceiver
from testkit.redis_server import RedisServer
from tests.servers import PostgresServer, redis_in


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--fuzz",
        type=int,
        default=0,
        metavar="N",
        help="N new examples for each fuzz test; without it a few, always the same",
    )


def pytest_configure() -> None:
    """No setting of the person who runs the tests counts in them."""
    forget_own_settings()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is played into a LiveKit server keeps real time: before tests are chosen by marks."""
    for item in items:
        if "livekit" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.realtime)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)]
    if subprocess.run(mounting, capture_output=True, check=False).returncode:
        pytest.skip("mounting needs root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


class Stacks:
    """Starts parts by name on free ports in a folder of their own, and stops them."""

    def __init__(self, folders: pytest.TempPathFactory) -> None:
        self._folders = folders
        self._started: list[Stack] = []

    def start(
        self, *parts: str, configuration: Path | None = None, traces: OtlpReceiver | None = None
    ) -> Stack:
        folder = self._folders.mktemp("stack")
        traced = {"telemetry": {"otlp_endpoint": traces.url}} if traces is not None else {}
        # Without an agent there would be no token, which most tests of a part alone need.
        admission = {} if "agent" in parts else {"server": {"admission": "open"}}
        configs = configuration or write_config(
            folder / "configs", orchestrator=traced | admission, worker=traced
        )
        stack = Stack(configs, folder / "state", parts=parts)
        stack.start()
        self._started.append(stack)
        return stack

    def stop(self) -> None:
        for stack in reversed(self._started):
            stack.stop()


@pytest.fixture(scope="module")
def start_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Stack]]:
    """Starts parts by name, for the tests of one module."""
    stacks = Stacks(tmp_path_factory)
    yield stacks.start
    stacks.stop()


@pytest.fixture(scope="session")
def start_shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Stack]]:
    """Starts parts by name, for all tests of a run."""
    stacks = Stacks(tmp_path_factory)
    yield stacks.start
    stacks.stop()


@pytest.fixture(scope="session")
def livekit(start_shared: Callable[..., Stack]) -> Stack:
    """A LiveKit server; `.configuration.orchestrator.livekit.url` and `.keys` reach it."""
    return start_shared("livekit")


@pytest.fixture(scope="session")
def traces() -> Iterator[OtlpReceiver]:
    """Where the traces of `stack` go."""
    with OtlpReceiver() as receiver:
        yield receiver


@pytest.fixture(scope="session")
def stack(start_shared: Callable[..., Stack], traces: OtlpReceiver) -> Stack:
    """The whole of Parley. What starts `./run` beside it passes on `stack.environment`."""
    return start_shared(*PART_NAMES, traces=traces)


@pytest.fixture(scope="session")
def running_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One for all tests of a run: it is never stopped. Database 0 is of what runs as long."""
    server = redis_in(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis_url(running_redis: RedisServer) -> str:
    """Of an empty database of it."""
    url = running_redis.database(1)
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """One of the test alone, to be stopped and started."""
    server = redis_in(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def running_postgres() -> Iterator[PostgresServer]:
    """One for all tests of a run. Its database `postgres` is of what runs as long."""
    # Not in pytest's own folder: that one is closed to the user the server runs as.
    with tempfile.TemporaryDirectory(prefix="parley-postgres-") as folder:
        server = PostgresServer(Path(folder))
        server.start()
        yield server
        server.stop()


@pytest.fixture
async def postgres_url(running_postgres: PostgresServer) -> str:
    """Of an empty database of it."""
    import asyncpg  # noqa: PLC0415 - an extra

    database = f"test_{uuid4().hex}"
    connection = await asyncpg.connect(running_postgres.url())
    await connection.execute(f"CREATE DATABASE {database}")
    await connection.close()
    return running_postgres.url(database)
