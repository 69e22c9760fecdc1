"""What the tests of every store share: where it may keep what it has."""

from pathlib import Path

import pytest


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
def sql_place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a store in SQL may keep what it has: the URL of an empty database."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path / 'operations.db'}"
