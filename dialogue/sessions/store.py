"""What a session store promises; tests/dialogue/sessions holds every store to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field

from parley.app.session import AnyEntry, Channel
from parley.errors import ParleyError


class SessionStoreError(ParleyError):
    """A store that cannot be reached, or does not answer in time."""


class SessionExistsError(SessionStoreError):
    """A session of this id is kept already."""


class SessionNotFoundError(SessionStoreError):
    """No session of this id is kept: there never was one, or its time is over."""


class SessionRecord(BaseModel):
    """What is known of a session from its beginning on."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    channel: Channel
    app: str = ""
    """Name of the app that answers it; empty: the default one."""
    user: str = ""
    language: str = "en"
    attributes: Mapping[str, str] = Field(default_factory=dict)
    began_at_s: float
    """Seconds since 1970."""


@dataclass(frozen=True)
class StoredSession:
    record: SessionRecord
    entries: Sequence[AnyEntry]
    """Oldest first."""


class SessionStore(Protocol):
    """Keeps sessions and their logs. Every call raises SessionStoreError where the store fails.

    Any call may be cancelled: then it has happened wholly or not at all.
    """

    async def create(self, record: SessionRecord) -> None:
        """Raises SessionExistsError."""
        ...

    async def load(self, session_id: str) -> StoredSession | None: ...

    async def append(self, session_id: str, entries: Sequence[AnyEntry]) -> None:
        """Adds to the end of the log, all or none, in this order; seen by the next `load` of any
        process. Raises SessionNotFoundError."""
        ...

    async def delete(self, session_id: str) -> None:
        """Forgets the session and its log; one that is not kept is no error."""
        ...

    async def purge(self, *, began_before_s: float) -> int:
        """Forgets the sessions that began before (seconds since 1970); how many they were."""
        ...

    async def aclose(self) -> None: ...
