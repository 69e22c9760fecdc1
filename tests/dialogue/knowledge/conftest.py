"""Where an index of documents lies: an SQLite file, or a database of a real PostgreSQL."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.dialogue.sessions.servers import PostgresServer, postgres_programs


@pytest.fixture(scope="session")
def knowledge_postgres() -> Iterator[PostgresServer]:
    programs = postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    pytest.importorskip("asyncpg", reason="asyncpg is not installed (parley[postgres])")
    # Not in pytest's own folder: that one is closed to the user the server runs as.
    with tempfile.TemporaryDirectory(prefix="parley-postgres-") as folder:
        server = PostgresServer(programs, Path(folder))
        server.start()
        yield server
        server.stop()


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)],
)
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A file's path, or a database's URL; empty."""
    if request.param == "sqlite":
        return str(tmp_path / "state" / "documents.db")
    import asyncpg  # noqa: PLC0415 - an extra

    server: PostgresServer = request.getfixturevalue("knowledge_postgres")
    database = f"knowledge_{uuid4().hex}"
    connection = await asyncpg.connect(server.url())
    await connection.execute(f"CREATE DATABASE {database}")
    await connection.close()
    return server.url(database)
