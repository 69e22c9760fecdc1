"""What a store of requests promises; tests/apps/shopping holds each to it."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

from pydantic import JsonValue


class RequestStatus(StrEnum):
    """How far a request is."""

    PENDING = "pending"
    """A question waits for its answer."""
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


def utc_now() -> str:
    """ISO 8601, UTC, with microseconds: sorts as it happened."""
    return utc_at(time.time())


def utc_at(time_s: float) -> str:
    """The same of a time in seconds since 1970."""
    return datetime.fromtimestamp(time_s, UTC).isoformat(timespec="microseconds")


@dataclass(frozen=True, kw_only=True)
class RequestItem:
    """One item of the table `orchestrator-requests`."""

    session_id: str
    """Partition key."""
    request_id: str
    """Sort key: what it is, a timestamp where there are many, and an id."""
    request_type: str
    """"shopping", or "checkpoint" and "checkpoint_write" of its workflow."""
    user_id: str = ""
    status: RequestStatus = RequestStatus.PROCESSING
    input_data: Mapping[str, JsonValue] = field(default_factory=dict)
    workflow_state: Mapping[str, JsonValue] = field(default_factory=dict)
    blob: bytes = b""
    """Of checkpoints; below 350 kB, which DynamoDB takes."""
    created_at: str = field(default_factory=utc_now)
    updated_at: str = field(default_factory=utc_now)


class RequestStore(Protocol):
    """Every call raises ShoppingError where the store fails."""

    async def put(self, item: RequestItem) -> None:
        """Keeps it in place of one with the same keys, whole or not at all; the next read of any
        process sees it."""
        ...

    async def get(self, session_id: str, request_id: str) -> RequestItem | None: ...

    async def items(
        self, session_id: str, prefix: str, *, newest_first: bool = False, limit: int = 100
    ) -> Sequence[RequestItem]:
        """Those whose sort key begins so, by their sort keys."""
        ...

    async def delete(self, session_id: str, prefix: str) -> None:
        """Forgets those whose sort key begins so; an empty prefix: the session."""
        ...

    async def purge(self, *, updated_before_s: float) -> int:
        """Forgets what was last written before then (seconds since 1970); how much that was."""
        ...

    async def check(self) -> str:
        """What and where it is, for `/health`."""
        ...

    async def aclose(self) -> None: ...
