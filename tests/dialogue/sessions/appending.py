"""A process that appends batches to a session: `appending.py PLACE NAME BATCHES`.

It says that it is ready, and begins when it is told to.
"""

import asyncio
import sys
from contextlib import suppress
from pathlib import Path

from dialogue.sessions.redis import RedisStore
from dialogue.sessions.sql import SqlStore
from dialogue.sessions.store import SessionExistsError, SessionStore
from tests.dialogue.sessions.spoken import batch, record


def _open(place: str) -> SessionStore:
    if place.startswith("redis:"):
        return RedisStore(place)
    return SqlStore(place if place.startswith("postgresql:") else Path(place))


async def _append(place: str, name: str, batches: int) -> None:
    store = _open(place)
    with suppress(SessionExistsError):
        await store.create(record())
    for number in range(batches):
        await store.append("s1", batch(f"{name}{number}"))
    await store.aclose()


if __name__ == "__main__":
    print("ready", flush=True)
    sys.stdin.readline()
    asyncio.run(_append(sys.argv[1], sys.argv[2], int(sys.argv[3])))
