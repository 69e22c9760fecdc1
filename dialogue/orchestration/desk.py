"""Who holds which session: one owner at a time, by a lease with a fencing token."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from dialogue.orchestration.latency import LatencyBreakdown
from dialogue.orchestration.states import TurnStanding
from parley.errors import ParleyError

LEASE_S = 15.0
"""An owner that has not been heard of for so long holds nothing any more."""
RENEW_EVERY_S = 5.0
HANDED_OVER_WITHIN_S = 0.5
"""How long a new owner waits for the one before it to write down where the session stands."""
RETRY_AFTER_S = 5


class DeskError(ParleyError):
    """The sessions cannot be reached."""


class DeskFullError(DeskError):
    """As many sessions are held as there may be at once. Come back after `retry_after_s`."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} sessions are held, and no more may be at once")
        self.retry_after_s = RETRY_AFTER_S


class SessionHeldError(DeskError):
    """Somebody else holds the session, and is not to lose it."""


class ClaimLostError(DeskError):
    """Another has taken the session over."""


class SessionSnapshot(BaseModel):
    """What the next owner of a session needs, beside its log."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    standing: TurnStanding = TurnStanding()
    user: str = ""
    owner: str = ""
    """Whose key it was begun with; empty: nobody had to show one."""
    latency: LatencyBreakdown = LatencyBreakdown()
    """Of the last turn."""
    began_at_s: float = 0.0
    """Seconds since 1970, as the next."""
    seen_at_s: float = 0.0


@dataclass(frozen=True)
class SessionRow:
    """A session as lists show it."""

    session_id: str
    snapshot: SessionSnapshot
    is_held: bool


@dataclass
class Claim:
    """That this owner holds the session, until `lost` is set."""

    session_id: str
    fence: int
    """Grows with every claim: what comes with an older one is refused."""
    snapshot: SessionSnapshot | None
    """Where the session stood; None: it is new."""
    lost: asyncio.Event = field(default_factory=asyncio.Event)
    """Another has taken the session over."""
    handed_over: asyncio.Event = field(default_factory=asyncio.Event)
    """Nothing more comes of it."""


class SessionDesk(Protocol):
    """Keeps where sessions stand, for `ttl_s` after they were last used."""

    @property
    def kept_in(self) -> str:
        """memory, redis, or "memory (redis is away)"."""
        ...

    async def claim(self, session_id: str, *, takes_over: bool) -> Claim:
        """Holds the session from now on; with `takes_over` whoever holds it loses it.

        Cancelled, it holds nothing. Raises DeskFullError, and without `takes_over`
        SessionHeldError.
        """
        ...

    async def save(self, claim: Claim, snapshot: SessionSnapshot) -> None:
        """Writes down where the session stands, and holds it on. Raises ClaimLostError."""
        ...

    async def renew(self, claim: Claim) -> None:
        """Holds it on. Raises ClaimLostError."""
        ...

    async def release(self, claim: Claim) -> None:
        """Lets it go; it is kept. One that was lost says by this that nothing more comes of it."""
        ...

    async def held(self) -> int:
        """How many sessions are held now, by all processes."""
        ...

    async def rows(self, limit: int = 100) -> Sequence[SessionRow]:
        """Those that were used last come first."""
        ...

    async def is_reachable(self) -> bool:
        """Whether what keeps the sessions answers."""
        ...

    async def aclose(self) -> None: ...
