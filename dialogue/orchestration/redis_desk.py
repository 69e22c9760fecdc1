"""The desk of all processes over one Redis.

A session is one hash, `orchestrator:session:ID`: where it stands, and the fence of its latest
claim; a write with an older one is refused. `orchestrator:live` says until when each is held, and
`orchestrator:taken:OWNER` tells the process that holds it that it is taken over.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import redis.asyncio
import redis.exceptions

from dialogue.orchestration.desk import (
    HANDED_OVER_WITHIN_S,
    LEASE_S,
    Claim,
    ClaimLostError,
    DeskError,
    DeskFullError,
    SessionHeldError,
    SessionRow,
    SessionSnapshot,
)
from dialogue.orchestration.memory_desk import MemoryDesk
from dialogue.orchestration.redis_scripts import CLAIM, RELEASE, RENEW, SAVE
from parley.background import background
from parley.discovery.redis import connect

TIMEOUT_S = 1.0
"""Of one call: a person waits for the answer that it holds up."""
RECONNECT_AFTER_S = 1.0
LISTEN_S = 5.0
SAME_WARNING_EVERY_S = 30.0

_PREFIX = "orchestrator:session:"
_LIVE = "orchestrator:live"
_USED = "orchestrator:used"
_FENCE = "orchestrator:fence"

_log = logging.getLogger(__name__)


class RedisDesk:
    """A SessionDesk; use as an async context manager. Whatever Redis does, conversations go on:
    while it is away, sessions are held in the memory of this process alone.

    Raises ConfigurationError for a `url` that is no Redis address.
    """

    def __init__(self, url: str, *, ttl_s: float, limit: int) -> None:
        self._client = connect(url)
        self._listening_client = connect(url)
        self._owner = secrets.token_hex(8)
        self._ttl_ms = round(ttl_s * 1000)
        self._limit = limit
        self._local = MemoryDesk(ttl_s=ttl_s, limit=limit)
        self._local_claims: set[int] = set()
        self._claims: dict[str, Claim] = {}
        self._claim = self._client.register_script(CLAIM)
        self._save = self._client.register_script(SAVE)
        self._renew = self._client.register_script(RENEW)
        self._release = self._client.register_script(RELEASE)
        self._is_away = False
        self._warned_at_s = 0.0
        self._running = AsyncExitStack()

    async def __aenter__(self) -> "RedisDesk":
        listening = background(self._listen(), name="listen for takeovers")
        await self._running.enter_async_context(listening)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    @property
    def kept_in(self) -> str:
        return "memory (redis is away)" if self._is_away else "redis"

    async def claim(self, session_id: str, *, takes_over: bool) -> Claim:
        """See SessionDesk."""
        claiming = asyncio.create_task(
            self._claimed(session_id, takes_over=takes_over), name="claim the session"
        )
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            # Redis may have given it away already, and would keep it for the length of a lease.
            await asyncio.wait({claiming})
            if not claiming.cancelled() and claiming.exception() is None:
                await self.release(claiming.result())
            raise

    async def _claimed(self, session_id: str, *, takes_over: bool) -> Claim:
        try:
            async with self._answering():
                fence, held = await self._claim(
                    keys=[_PREFIX + session_id, _LIVE, _FENCE, _USED],
                    args=[
                        session_id,
                        self._owner,
                        round(LEASE_S * 1000),
                        self._limit,
                        int(takes_over),
                        self._ttl_ms,
                    ],
                )
        except DeskError:
            return await self._claimed_here(session_id, takes_over=takes_over)
        if int(fence) == -1:
            raise SessionHeldError(f"session {session_id} is in use")
        if int(fence) == -2:
            raise DeskFullError(self._limit)
        claim = Claim(session_id, int(fence), None)
        before = self._claims.get(session_id)
        if before is not None and before.fence > claim.fence:  # one that began after it was sooner
            claim.lost.set()
            return claim
        self._claims[session_id] = claim
        if before is not None:
            before.lost.set()
            await _handed_over(before.handed_over)
        elif held:
            await self._taken_from(str(held), claim)
        await self._read(claim)
        return claim

    async def save(self, claim: Claim, snapshot: SessionSnapshot) -> None:
        """See SessionDesk."""
        if id(claim) in self._local_claims:
            return await self._local.save(claim, snapshot)
        args = self._hold_args(claim)
        try:
            async with self._answering():
                kept = await self._save(
                    keys=[_PREFIX + claim.session_id, _LIVE, _USED],
                    args=[*args, snapshot.model_dump_json()],
                )
        except DeskError:
            return None  # written with the next change, once Redis is there again
        self._check(claim, kept)
        return None

    async def renew(self, claim: Claim) -> None:
        """See SessionDesk."""
        if id(claim) in self._local_claims:
            return await self._local.renew(claim)
        args = self._hold_args(claim)
        try:
            async with self._answering():
                kept = await self._renew(keys=[_PREFIX + claim.session_id, _LIVE, _USED], args=args)
        except DeskError:
            return None
        self._check(claim, kept)
        return None

    async def release(self, claim: Claim) -> None:
        """See SessionDesk."""
        claim.handed_over.set()
        if id(claim) in self._local_claims:
            self._local_claims.discard(id(claim))
            return await self._local.release(claim)
        if self._claims.get(claim.session_id) is claim:
            del self._claims[claim.session_id]
        try:
            async with self._answering():
                await self._release(
                    keys=[_PREFIX + claim.session_id, _LIVE, _handed_over_key(claim.session_id)],
                    args=[claim.session_id, claim.fence],
                )
        except DeskError:
            pass  # its lease runs out
        return None

    async def held(self) -> int:
        try:
            async with self._answering():
                return int(await self._client.zcount(_LIVE, time.time() * 1000, "+inf"))
        except DeskError:
            return len(self._claims) + await self._local.held()

    async def rows(self, limit: int = 100) -> Sequence[SessionRow]:
        """See SessionDesk."""
        try:
            async with self._answering():
                ids = [str(i) for i in await self._client.zrevrange(_USED, 0, limit - 1)]
                async with self._client.pipeline(transaction=False) as asked:
                    for session_id in ids:
                        asked.hget(_PREFIX + session_id, "snapshot")
                        asked.zscore(_LIVE, session_id)
                    answers = await asked.execute()
        except DeskError:
            return await self._local.rows(limit)
        now_ms = time.time() * 1000
        return [
            SessionRow(session_id, SessionSnapshot.model_validate_json(kept), (until or 0) > now_ms)
            for session_id, kept, until in zip(ids, answers[::2], answers[1::2], strict=True)
            if kept
        ]

    async def is_reachable(self) -> bool:
        try:
            async with self._answering():
                await self._client.ping()
        except DeskError:
            return False
        return True

    async def aclose(self) -> None:
        await self._running.aclose()
        await self._client.aclose()
        await self._listening_client.aclose()

    async def _claimed_here(self, session_id: str, *, takes_over: bool) -> Claim:
        claim = await self._local.claim(session_id, takes_over=takes_over)
        self._local_claims.add(id(claim))
        return claim

    async def _taken_from(self, owner: str, claim: Claim) -> None:
        """Waits until the process that held it has written what there was; one that is gone does
        not listen, and is not waited for."""
        key = _handed_over_key(claim.session_id)
        try:
            async with self._answering():
                message = f"{claim.session_id} {claim.fence}"
                if not await self._client.publish(_channel(owner), message):
                    return
                await self._client.blpop([key], timeout=HANDED_OVER_WITHIN_S)
        except DeskError:
            return

    async def _read(self, claim: Claim) -> None:
        """Where the session stood; and whether the claim still counts: who has taken it over since
        may have told so before anybody here listened for it."""
        try:
            async with self._answering():
                key = _PREFIX + claim.session_id
                kept, fence = await self._client.hmget(key, ["snapshot", "fence"])
        except DeskError:
            return
        claim.snapshot = SessionSnapshot.model_validate_json(kept) if kept else None
        if int(fence or 0) > claim.fence:
            claim.lost.set()

    def _hold_args(self, claim: Claim) -> list[str | int]:
        return [claim.session_id, claim.fence, round(LEASE_S * 1000), self._ttl_ms]

    def _check(self, claim: Claim, kept: object) -> None:
        if not kept:
            claim.lost.set()
            raise ClaimLostError(f"session {claim.session_id} was taken over")

    async def _listen(self) -> None:
        """Tells claims of this process that they were taken over."""
        while True:
            try:
                async with self._listening_client.pubsub() as channel:
                    await channel.subscribe(_channel(self._owner))
                    while True:
                        message = await channel.get_message(timeout=LISTEN_S)
                        if message is not None and message["type"] == "message":
                            self._taken(str(message["data"]))
            except (redis.exceptions.RedisError, OSError) as error:
                self._away(error)
                await asyncio.sleep(RECONNECT_AFTER_S)

    def _taken(self, message: str) -> None:
        session_id, _, fence = message.rpartition(" ")
        claim = self._claims.get(session_id)
        if claim is not None and claim.fence < int(fence):
            del self._claims[session_id]
            claim.lost.set()

    @asynccontextmanager
    async def _answering(self) -> AsyncIterator[None]:
        """Raises DeskError where Redis does not answer in time."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                yield
        except (redis.exceptions.RedisError, OSError) as error:
            self._away(error)
            raise DeskError(f"the sessions' Redis cannot be reached: {error}") from None
        if self._is_away:
            self._is_away = False
            _log.info("the sessions' Redis is back")

    def _away(self, error: Exception) -> None:
        now_s = time.monotonic()
        if not self._is_away or now_s - self._warned_at_s > SAME_WARNING_EVERY_S:
            self._warned_at_s = now_s
            _log.warning("the sessions' Redis is away, and sessions are held here: %s", error)
        self._is_away = True


async def _handed_over(done: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(HANDED_OVER_WITHIN_S):
            await done.wait()
    except TimeoutError:
        pass


def _channel(owner: str) -> str:
    return f"orchestrator:taken:{owner}"


def _handed_over_key(session_id: str) -> str:
    return f"orchestrator:handed:{session_id}"
