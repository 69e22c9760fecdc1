"""Where an index of documents lies: an SQLite file, or a database of a real PostgreSQL."""

from pathlib import Path

import pytest


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)],
)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A file's path, or a database's URL; empty."""
    if request.param == "sqlite":
        return str(tmp_path / "state" / "documents.db")
    return str(request.getfixturevalue("postgres_url"))
