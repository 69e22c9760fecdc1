"""Every store on its real backend: a folder, a redis-server, a PostgreSQL."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import redis.asyncio

from dialogue.sessions.bound import TIMEOUT_S
from dialogue.sessions.store import SessionStore
from tests.dialogue.sessions.backends import Backend, InMemory, InPostgres, InRedis, InSqlite
from tests.dialogue.sessions.servers import PostgresServer
from tests.discovery.conftest import RedisServer


@pytest.fixture(scope="session")
def sessions_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed (Debian: apt-get install redis-server)")
    server = RedisServer(program, tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


def on(*names: str) -> pytest.MarkDecorator:
    """Parametrizes `backend`; those that need a server are marked."""
    marks = {"redis": pytest.mark.servers, "postgresql": pytest.mark.servers}
    return pytest.mark.parametrize(
        "backend",
        [pytest.param(name, marks=marks[name]) if name in marks else name for name in names],
        indirect=True,
    )


EVERY = ("memory", "redis", "sqlite", "postgresql")
KEPT_OUTSIDE = ("redis", "sqlite", "postgresql")


@pytest.fixture
async def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    """An empty one."""
    if request.param == "redis":
        url = request.getfixturevalue("sessions_redis").url
        async with redis.asyncio.Redis.from_url(url) as client:
            await client.flushall()
        return InRedis(url)
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("sessions_postgres")
        database = f"sessions_{uuid4().hex}"
        connection = await InPostgres(server.url()).connect()
        await connection.execute(f"CREATE DATABASE {database}")
        await connection.close()
        return InPostgres(server.url(database))
    if request.param == "sqlite":
        return InSqlite(str(tmp_path / "state" / "sessions.db"))
    return InMemory()


Open = Callable[..., SessionStore]


@pytest.fixture
async def open_another(backend: Backend) -> AsyncIterator[Open]:
    """Opens one more store on the backend; all are closed at the end."""
    stores: list[SessionStore] = []

    def open_(timeout_s: float = TIMEOUT_S) -> SessionStore:
        stores.append(backend.open(timeout_s=timeout_s))
        return stores[-1]

    yield open_
    await asyncio.gather(*(store.aclose() for store in stores))


@pytest.fixture
def store(open_another: Open) -> SessionStore:
    return open_another()
