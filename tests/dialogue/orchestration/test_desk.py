"""Who holds which session: one contract for the memory of a process and for Redis."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress

import pytest

from dialogue.orchestration.desk import (
    ClaimLostError,
    DeskFullError,
    SessionDesk,
    SessionHeldError,
    SessionSnapshot,
)
from dialogue.orchestration.memory_desk import MemoryDesk
from dialogue.orchestration.redis_desk import RedisDesk
from dialogue.orchestration.states import DialogueState, TurnStanding

SPEAKING = SessionSnapshot(
    standing=TurnStanding(state=DialogueState.SPEAKING, turn_number=3, answer="Yes."), user="ada"
)


class Desks:
    """Opens them: each of Redis is another process's, the one of a memory stays the same."""

    def __init__(self, opened: AsyncExitStack, redis_url: str) -> None:
        self._opened = opened
        self._redis_url = redis_url
        self._memory = MemoryDesk(ttl_s=60, limit=2)

    async def open(self, *, ttl_s: float = 60) -> SessionDesk:
        if not self._redis_url:
            return self._memory if ttl_s == 60 else MemoryDesk(ttl_s=ttl_s, limit=2)
        desk = RedisDesk(self._redis_url, ttl_s=ttl_s, limit=2)
        return await self._opened.enter_async_context(desk)


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.servers)])
async def desks(request: pytest.FixtureRequest) -> AsyncIterator[Desks]:
    url = request.getfixturevalue("redis_url") if request.param == "redis" else ""
    async with AsyncExitStack() as opened:
        yield Desks(opened, url)


async def test_what_one_writes_the_next_finds(desks: Desks) -> None:
    one, other = await desks.open(), await desks.open()
    claim = await one.claim("s", takes_over=True)
    assert claim.snapshot is None
    await one.save(claim, SPEAKING)
    await one.release(claim)
    assert (await other.claim("s", takes_over=False)).snapshot == SPEAKING


async def test_who_takes_it_over_has_it_and_the_older_learns_it_at_once(desks: Desks) -> None:
    one, other = await desks.open(), await desks.open()
    older = await one.claim("s", takes_over=True)
    await one.save(older, SPEAKING)
    with pytest.raises(SessionHeldError):
        await other.claim("s", takes_over=False)

    async def gives_way() -> None:
        await older.lost.wait()
        await one.release(older)

    giving_way = asyncio.create_task(gives_way())
    newer = await other.claim("s", takes_over=True)
    async with asyncio.timeout(20):
        await giving_way
    assert newer.fence > older.fence
    assert newer.snapshot == SPEAKING
    with pytest.raises(ClaimLostError):
        await one.save(older, SessionSnapshot())
    with pytest.raises(ClaimLostError):
        await one.renew(older)
    await other.renew(newer)
    assert await other.held() == 1


async def test_an_owner_that_says_nothing_is_not_waited_for_for_ever(desks: Desks) -> None:
    one = await desks.open()
    older = await one.claim("s", takes_over=True)
    async with asyncio.timeout(20):
        newer = await one.claim("s", takes_over=True)
    assert older.lost.is_set()
    assert not newer.lost.is_set()


async def test_a_claim_that_is_cancelled_while_it_waits_holds_nothing(desks: Desks) -> None:
    one, other = await desks.open(), await desks.open()
    older = await one.claim("s", takes_over=True)
    waiting = asyncio.create_task(other.claim("s", takes_over=True))
    async with asyncio.timeout(60):
        await older.lost.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await other.held() == 0
    await one.release(older)
    assert (await one.claim("s", takes_over=False)).fence > older.fence


async def test_a_claim_holds_nothing_wherever_it_is_cancelled(desks: Desks) -> None:
    desk = await desks.open()
    for steps in range(12):
        claiming = asyncio.create_task(desk.claim("s", takes_over=False))
        for _ in range(steps):
            await asyncio.sleep(0)
        claiming.cancel()
        with suppress(asyncio.CancelledError):
            await desk.release(await claiming)
        assert await desk.held() == 0, steps


async def test_no_more_sessions_are_held_than_may_be(desks: Desks) -> None:
    one, other = await desks.open(), await desks.open()
    first = await one.claim("a", takes_over=True)
    await other.claim("b", takes_over=True)
    for desk in (one, other):
        with pytest.raises(DeskFullError) as refused:
            await desk.claim("c", takes_over=True)
        assert refused.value.retry_after_s > 0
    await one.claim("b", takes_over=True)  # one that is held already
    await one.release(first)
    await other.claim("c", takes_over=True)
    assert await one.held() == 2


async def test_of_many_at_once_one_has_it(desks: Desks) -> None:
    opened = [await desks.open() for _ in range(4)]
    claims = await asyncio.gather(*(desk.claim("s", takes_over=True) for desk in opened * 5))
    assert len({claim.fence for claim in claims}) == 20
    newest = max(claims, key=lambda claim: claim.fence)
    async with asyncio.timeout(20):
        for claim in claims:
            if claim is not newest:
                await claim.lost.wait()
    assert not newest.lost.is_set()
    assert await opened[0].held() == 1


async def test_a_session_that_nobody_uses_is_forgotten(desks: Desks) -> None:
    desk = await desks.open(ttl_s=0.2)
    claim = await desk.claim("s", takes_over=True)
    await desk.save(claim, SPEAKING)
    await desk.release(claim)
    async with asyncio.timeout(30):
        while await desk.rows():  # noqa: ASYNC110 - time is all that it waits for
            await asyncio.sleep(0.05)
    assert (await desk.claim("s", takes_over=True)).snapshot is None


async def test_sessions_are_listed_the_latest_first(desks: Desks) -> None:
    desk = await desks.open()
    for number, name in enumerate("ab"):
        claim = await desk.claim(name, takes_over=True)
        await desk.save(claim, SPEAKING.model_copy(update={"seen_at_s": float(number)}))
        if name == "a":
            await desk.release(claim)
            await asyncio.sleep(0.01)  # Redis tells the times apart by milliseconds
    rows = await desk.rows()
    assert [(row.session_id, row.is_held) for row in rows] == [("b", True), ("a", False)]
    assert rows[0].snapshot.standing == SPEAKING.standing


async def test_a_redis_that_is_lost_takes_no_conversation_with_it() -> None:
    async with RedisDesk("redis://127.0.0.1:1/0", ttl_s=60, limit=2) as desk:
        claim = await desk.claim("s", takes_over=True)
        await desk.save(claim, SPEAKING)
        await desk.release(claim)
        assert desk.kept_in == "memory (redis is away)"
        assert not await desk.is_reachable()
        assert (await desk.claim("s", takes_over=True)).snapshot == SPEAKING
