"""Every store on its real backend: a folder, a redis-server, a PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from dialogue.sessions.bound import TIMEOUT_S
from dialogue.sessions.store import SessionStore
from tests.dialogue.sessions.backends import Backend, InMemory, InPostgres, InRedis, InSqlite


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
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    """An empty one."""
    if request.param == "redis":
        return InRedis(request.getfixturevalue("redis_url"))
    if request.param == "postgresql":
        return InPostgres(request.getfixturevalue("postgres_url"))
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
