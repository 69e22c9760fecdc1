"""What an app has beside its engines: things that all sessions of a process share."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from pydantic import JsonValue

from parley.errors import ParleyError


@dataclass(frozen=True)
class Media:
    """A picture or a recording that came with what the person said; it lies elsewhere."""

    media_type: str
    """"image" or "audio"."""
    key: str
    """Where the app finds it."""
    content_type: str = ""
    """As the client names it, for example "image/jpeg"; not to be relied on."""
    size_bytes: int = 0
    """As the client says; not to be relied on."""


class MediaRefusedError(ParleyError):
    """What was sent is no picture or recording that the app takes, or is too large."""


class AppService(Protocol):
    """Opened before the first conversation of a process, closed behind the last."""

    def running(self) -> AbstractAsyncContextManager[None]:
        """Opens it; left once nobody needs it. Entered once at a time, and maybe again later."""
        ...

    async def health(self) -> Mapping[str, JsonValue]:
        """What the app stands on and how that is, for `/health`; "status" is "healthy" or
        "degraded". Called while it runs."""
        ...

    async def session_state(self, session_id: str) -> Mapping[str, JsonValue]:
        """What the app keeps of a session, for whoever it belongs to; empty: nothing."""
        ...

    async def take_media(self, data: bytes) -> Media:
        """Keeps what a person uploads, to be named with what they say. Raises MediaRefusedError."""
        ...
