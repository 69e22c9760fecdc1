"""A store that is away, silent or held up: one sentence, in time, without credentials."""

import asyncio
import socket
import sqlite3
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from dialogue.sessions.redis import RedisStore
from dialogue.sessions.sql import SqlStore
from dialogue.sessions.store import SessionStore, SessionStoreError
from parley.errors import ConfigurationError
from tests.dialogue.sessions.backends import InPostgres, InRedis
from tests.dialogue.sessions.conftest import Open, on
from tests.dialogue.sessions.spoken import batch, log_of, record
from tests.servers import PASSWORD

WITHIN_S = 60.0
URLS = ("redis://parley:{}@127.0.0.1:{}/0", "postgresql://parley:{}@127.0.0.1:{}/talk")
over_a_network = pytest.mark.parametrize("url", URLS)

CALLS: dict[str, Callable[[SessionStore], Awaitable[object]]] = {
    "create": lambda store: store.create(record()),
    "load": lambda store: store.load("s1"),
    "append": lambda store: store.append("s1", batch("a")),
    "delete": lambda store: store.delete("s1"),
    "purge": lambda store: store.purge(began_before_s=1.0),
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())


def store_at(url: str, *, timeout_s: float = 2.0) -> SessionStore:
    kind = RedisStore if url.startswith("redis") else SqlStore
    return kind(url, timeout_s=timeout_s)


class Relay:
    """Passes bytes between clients and a server until it is told to hold them back."""

    def __init__(self, port: int) -> None:
        self._server_port = port
        self._passing: list[asyncio.Task[None]] = []
        self.passes = asyncio.Event()
        self.passes.set()
        self.port = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        yield
        server.close()
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._passing.append(asyncio.create_task(self._relay(reader, writer)))

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._server_port)
        await asyncio.gather(self._pass(reader, far_writer), self._pass(far_reader, writer))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                await self.passes.wait()
                writer.write(data)
        finally:
            writer.close()


async def answered(store: SessionStore) -> None:
    """Returns once it has: a busy machine may need longer for that than a store may be silent."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            with suppress(SessionStoreError):
                await store.load("s1")
                return


@over_a_network
@every_call
async def test_a_store_that_is_not_there_is_named_without_its_password(
    url: str, call: Callable[[SessionStore], Awaitable[object]]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    store = store_at(url.format(PASSWORD, port))
    with pytest.raises(SessionStoreError, match=f"127.0.0.1:{port}.* cannot be reached") as error:
        await call(store)
    assert PASSWORD not in str(error.value)
    await store.aclose()


@over_a_network
@every_call
async def test_a_store_that_never_answers_is_given_up_in_time(
    url: str, call: Callable[[SessionStore], Awaitable[object]]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        store = store_at(url.format(PASSWORD, port), timeout_s=0.1)
        async with asyncio.timeout(WITHIN_S):
            with pytest.raises(SessionStoreError, match=f"{port}.* not answer within 0.1 s"):
                await call(store)
        await store.aclose()


@on("redis", "postgresql")
@every_call
async def test_a_store_that_falls_silent_is_given_up_in_time_and_asked_again(
    backend: InRedis | InPostgres, call: Callable[[SessionStore], Awaitable[object]]
) -> None:
    port = int(backend.place.rpartition(":")[2].partition("/")[0])
    relay = Relay(port)
    async with relay.running():
        store = store_at(backend.place.replace(f":{port}/", f":{relay.port}/"), timeout_s=0.2)
        await answered(store)
        relay.passes.clear()
        async with asyncio.timeout(WITHIN_S):
            with pytest.raises(SessionStoreError, match=r"did not answer within 0\.2 s"):
                await call(store)
        relay.passes.set()
        await answered(store)
        relay.passes.clear()
        async with asyncio.timeout(WITHIN_S):
            await asyncio.gather(store.aclose(), return_exceptions=True)


@on("postgresql")
async def test_a_wrong_password_is_no_secret_but_the_password_is(backend: InPostgres) -> None:
    store = SqlStore(backend.place.replace(PASSWORD, "swordfish"))
    with pytest.raises(SessionStoreError, match="InvalidPasswordError") as error:
        await store.load("s1")
    assert "swordfish" not in str(error.value)
    await store.aclose()


@on("postgresql")
async def test_a_session_that_another_holds_is_waited_for_in_time_and_left_whole(
    backend: InPostgres, open_another: Open
) -> None:
    patient, store = open_another(), open_another(timeout_s=0.5)
    await patient.create(record())
    await store.append("s1", batch("a"))
    holder = await backend.connect()
    async with holder.transaction():
        await holder.execute("SELECT * FROM parley_sessions FOR UPDATE")
        with pytest.raises(SessionStoreError, match="did not answer"):
            await store.append("s1", batch("b"))
    await holder.close()
    await store.append("s1", batch("c"))
    assert await log_of(patient) == ["a", "c"]


@on("postgresql")
async def test_connections_that_the_server_has_ended_are_made_anew(
    backend: InPostgres, store: SessionStore
) -> None:
    await store.create(record())
    other = await backend.connect()
    await other.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await other.close()
    await store.append("s1", batch("a"))
    assert await log_of(store) == ["a"]


async def test_a_file_that_another_has_locked_is_named_in_time_and_left_whole(
    tmp_path: Path,
) -> None:
    file = tmp_path / "sessions.db"
    store = SqlStore(file, timeout_s=0.25)
    await store.create(record())
    with sqlite3.connect(file) as holder:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(SessionStoreError, match=r"sessions\.db\) failed: database is locked"):
            await store.append("s1", batch("a"))
    holder.close()
    await store.append("s1", batch("b"))
    assert await log_of(store) == ["b"]
    await store.aclose()


async def test_a_file_that_is_no_database_or_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "note").write_text("This is not a database, but it is long enough to be one.")
    for file in (tmp_path / "note", tmp_path / "note" / "sessions.db", tmp_path):
        store = SqlStore(file)
        with pytest.raises(SessionStoreError, match=file.name):
            await store.load("s1")
        await store.aclose()


async def test_what_people_say_is_readable_by_the_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "a" / "b" / "sessions.db"
    store = SqlStore(file)
    await store.create(record())
    await store.append("s1", batch("a"))
    made = list(file.parent.iterdir())
    assert {path.name for path in made} == {
        "sessions.db",
        "sessions.db-wal",
        "sessions.db-shm",
    }
    assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o600}
    await store.aclose()


async def test_the_mode_that_a_file_was_given_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "sessions.db"
    file.touch()
    file.chmod(0o640)
    store = SqlStore(file)
    await store.create(record())
    await store.aclose()
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://parley:{PASSWORD}@127.0.0.1/talk",
        f"parley:{PASSWORD}@nowhere",
        f"postgresql://parley:{PASSWORD}@127.0.0.1:port/talk",
        "sqlite://",
        "sqlite:///:memory:",
        "",
    ],
)
def test_an_url_that_is_none_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(ConfigurationError, match="SESSIONS_URL") as error:
        SqlStore(url)
    assert PASSWORD not in str(error.value)
