"""The desk of one process: sessions in its memory, gone with it."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from dialogue.orchestration.desk import (
    HANDED_OVER_WITHIN_S,
    Claim,
    ClaimLostError,
    DeskFullError,
    SessionHeldError,
    SessionRow,
    SessionSnapshot,
)


@dataclass
class _Kept:
    snapshot: SessionSnapshot | None = None
    until_s: float = 0.0
    fence: int = 0
    owner: Claim | None = None


class MemoryDesk:
    """A SessionDesk. A session that nobody has used for `ttl_s` is forgotten; at most `limit` are
    held at once."""

    def __init__(self, *, ttl_s: float, limit: int) -> None:
        self._ttl_s = ttl_s
        self._limit = limit
        self._kept: dict[str, _Kept] = {}
        self._fence = 0
        self._held = 0

    @property
    def kept_in(self) -> str:
        return "memory"

    async def claim(self, session_id: str, *, takes_over: bool) -> Claim:
        """See SessionDesk."""
        self._forget_old()
        kept = self._kept.get(session_id)
        before = kept.owner if kept is not None else None
        if before is not None and not takes_over:
            raise SessionHeldError(f"session {session_id} is in use")
        if before is None and self._held >= self._limit:
            raise DeskFullError(self._limit)
        kept = self._kept.setdefault(session_id, _Kept())
        self._fence += 1
        claim = Claim(session_id, self._fence, None)
        self._held += before is None
        kept.owner, kept.fence = claim, claim.fence
        kept.until_s = time.time() + self._ttl_s
        if before is not None:
            before.lost.set()
            try:
                async with asyncio.timeout(HANDED_OVER_WITHIN_S):
                    await before.handed_over.wait()
            except TimeoutError:
                pass
            except asyncio.CancelledError:
                await self.release(claim)
                raise
        claim.snapshot = kept.snapshot
        return claim

    async def save(self, claim: Claim, snapshot: SessionSnapshot) -> None:
        """See SessionDesk."""
        kept = self._of(claim)
        kept.snapshot = snapshot
        kept.until_s = time.time() + self._ttl_s

    async def renew(self, claim: Claim) -> None:
        """See SessionDesk."""
        self._of(claim).until_s = time.time() + self._ttl_s

    async def release(self, claim: Claim) -> None:
        """See SessionDesk."""
        kept = self._kept.get(claim.session_id)
        if kept is not None and kept.owner is claim:
            kept.owner = None
            self._held -= 1
        claim.handed_over.set()

    async def held(self) -> int:
        return self._held

    async def rows(self, limit: int = 100) -> Sequence[SessionRow]:
        """See SessionDesk."""
        self._forget_old()
        rows = [
            SessionRow(session_id, kept.snapshot, kept.owner is not None)
            for session_id, kept in self._kept.items()
            if kept.snapshot is not None
        ]
        return sorted(rows, key=lambda row: row.snapshot.seen_at_s, reverse=True)[:limit]

    async def is_reachable(self) -> bool:
        return True

    async def aclose(self) -> None:
        self._kept.clear()

    def _of(self, claim: Claim) -> _Kept:
        kept = self._kept.get(claim.session_id)
        if kept is None or kept.fence != claim.fence:
            claim.lost.set()
            raise ClaimLostError(f"session {claim.session_id} was taken over")
        return kept

    def _forget_old(self) -> None:
        now_s = time.time()
        for session_id in [
            session_id
            for session_id, kept in self._kept.items()
            if kept.owner is None and kept.until_s < now_s
        ]:
            del self._kept[session_id]
