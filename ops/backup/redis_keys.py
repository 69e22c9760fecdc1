"""Parley's keys of a Redis, as a part of a backup: as Redis itself writes a value down (DUMP)."""

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis
import redis.exceptions

from ops.backup.part import BackupError
from parley.clock import Clock

PATTERN = "parley:*"
SECONDS_ONLY = (b"parley:worker", b"parley:claim")
"""What workers and gateways say of themselves anew every few seconds."""
_FILE = "keys.jsonl"
_BATCH = 500
_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class RedisKeys:
    """`url` holds the password. A Redis that others use as well keeps what is theirs."""

    name: str
    url: str = field(repr=False)
    clock: Clock = time.time
    """Seconds since 1970."""

    def save(self, folder: Path) -> str:
        count = 0
        with self._connected() as client, (folder / _FILE).open("w", encoding="utf-8") as file:
            for keys in _batches(client):
                with client.pipeline(transaction=False) as asked:
                    for key in keys:
                        asked.dump(key)
                        asked.pexpiretime(key)
                    answers = asked.execute()
                for key, value, at_ms in zip(keys, answers[::2], answers[1::2], strict=True):
                    if value is not None:  # it has not expired meanwhile
                        kept = {"key": _text(key), "value": _text(value), "at_ms": max(0, at_ms)}
                        file.write(json.dumps(kept) + "\n")
                        count += 1
        return f"{count} keys"

    def restore(self, folder: Path) -> str:
        count = expired = 0
        with self._connected() as client, (folder / _FILE).open(encoding="utf-8") as file:
            for keys in _batches(client):
                if keys:
                    client.delete(*keys)
            for line in file:
                kept = json.loads(line)
                at_ms = kept["at_ms"]
                if 0 < at_ms <= self.clock() * 1000:
                    expired += 1
                    continue
                key, value = base64.b64decode(kept["key"]), base64.b64decode(kept["value"])
                client.restore(key, at_ms, value, replace=True, absttl=at_ms > 0)
                count += 1
        return f"{count} keys" + (f"; {expired} have expired meanwhile" if expired else "")

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=_TIMEOUT_S) as client:
                yield client
        except redis.exceptions.ResponseError as error:
            raise BackupError(f"{self.name}: Redis refuses: {error}") from None
        except (redis.exceptions.RedisError, OSError, ValueError) as error:
            raise BackupError(f"{self.name}: Redis cannot be reached: {error}") from None


def _batches(client: Any) -> Iterator[list[bytes]]:
    """Those that are worth keeping; each may come twice where keys change meanwhile."""
    cursor: int | None = None
    while cursor != 0:
        cursor, keys = client.scan(cursor or 0, match=PATTERN, count=_BATCH)
        yield [key for key in keys if not key.startswith(SECONDS_ONLY)]


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
