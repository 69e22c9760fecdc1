"""What the tests of every store share: a PostgreSQL that is started once."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.dialogue.sessions.backends import InPostgres
from tests.dialogue.sessions.servers import PostgresServer, postgres_programs


@pytest.fixture(scope="session")
def sessions_postgres() -> Iterator[PostgresServer]:
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


@pytest.fixture
async def postgres_place(sessions_postgres: PostgresServer) -> str:
    """The URL of an empty database."""
    database = f"operations_{uuid4().hex}"
    connection = await InPostgres(sessions_postgres.url()).connect()
    await connection.execute(f"CREATE DATABASE {database}")
    await connection.close()
    return sessions_postgres.url(database)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
def sql_place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a store in SQL may keep what it has: the URL of an empty database."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_place"))
    return f"sqlite:///{tmp_path / 'operations.db'}"
