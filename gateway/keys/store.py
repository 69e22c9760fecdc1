"""Where keys are kept: SQLite on one machine, or PostgreSQL."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Double, Integer, MetaData, Table, Text, insert, select, update

from dialogue.bounded import TIMEOUT_S
from dialogue.database import Database
from gateway.keys.key import IssuedKey, KeyScope
from parley.errors import ParleyError

_metadata = MetaData()
_keys = Table(
    "parley_api_keys",
    _metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("scopes", Text, nullable=False),  # their words, with spaces
    Column("per_minute", Integer),
    Column("created_at_s", Double, nullable=False),
    Column("expires_at_s", Double),
    Column("revoked_at_s", Double),
)


class KeyStoreError(ParleyError):
    """Keys cannot be read or changed now."""


class KeyStore:
    """Keys behind a URL or in a file; belongs to one event loop. Every method raises
    KeyStoreError. Whoever makes it closes it."""

    def __init__(self, place: Path | str, *, timeout_s: float = TIMEOUT_S) -> None:
        """Raises ConfigurationError for a URL that cannot be used."""
        self._database = Database(
            place,
            _metadata,
            what="the store of keys",
            setting="security.url (KEYS_URL)",
            failure=KeyStoreError,
            timeout_s=timeout_s,
        )

    async def add(self, key: IssuedKey) -> None:
        row = {**vars(key), "scopes": " ".join(key.scopes)}
        async with self._database.changing() as connection:
            await connection.execute(insert(_keys).values(row))

    async def find(self, key_id: str) -> IssuedKey | None:
        async with self._database.reading() as connection:
            row = (await connection.execute(select(_keys).where(_keys.c.id == key_id))).first()
        return None if row is None else _key(row)

    async def all(self) -> Sequence[IssuedKey]:
        """The oldest first."""
        async with self._database.reading() as connection:
            rows = await connection.execute(select(_keys).order_by(_keys.c.created_at_s))
            return [_key(row) for row in rows]

    async def revoke(self, key_id: str, *, now_s: float) -> bool:
        """Whether there is such a key that had not been revoked."""
        revoking = (
            update(_keys)
            .where(_keys.c.id == key_id, _keys.c.revoked_at_s.is_(None))
            .values(revoked_at_s=now_s)
        )
        async with self._database.changing() as connection:
            return (await connection.execute(revoking)).rowcount == 1

    async def aclose(self) -> None:
        await self._database.aclose()


def _key(row: Any) -> IssuedKey:
    known = {scope.value for scope in KeyScope}
    return IssuedKey(
        id=row.id,
        name=row.name,
        digest=row.digest,
        scopes=tuple(KeyScope(word) for word in row.scopes.split() if word in known),
        per_minute=row.per_minute,
        created_at_s=row.created_at_s,
        expires_at_s=row.expires_at_s,
        revoked_at_s=row.revoked_at_s,
    )
