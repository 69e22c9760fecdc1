"""The lease by which a worker says in Redis that it is there.

A key per worker that expires, renewed well before; a set that indexes them; a message on a
channel when something changed, which only wakes readers up: what counts is what they read.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

LEASE_MS = 6000
RENEW_EVERY_S = 2.0
WAKE_CHANNEL = "parley:workers:changed"

Kind = Literal["synthesis", "recognition"]


class Lease(BaseModel):
    """What a worker's key holds, as JSON."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    worker_id: str = Field(min_length=1)
    kind: Kind
    target: str = Field(description="host:port under which clients reach the worker")
    draining: bool = False

    @property
    def key(self) -> str:
        return lease_key(self.worker_id)


def lease_key(worker_id: str) -> str:
    return f"parley:worker:{worker_id}"


def index_key(kind: Kind) -> str:
    return f"parley:workers:{kind}"
