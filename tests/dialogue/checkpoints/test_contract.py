"""What a store of checkpoints promises, on SQLite and PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from dialogue.checkpoints.sql import SqlCheckpoints
from dialogue.checkpoints.store import (
    PipelineHeldError,
    PipelineNotFoundError,
    PipelineRecord,
    PipelineStatus,
    SavedStep,
)

NOW_S = 1_700_000_000.0
RECORD = PipelineRecord(id="p1", session_id="s1", text="Hello.", began_at_s=NOW_S)


class TurnedTime:
    def __init__(self) -> None:
        self.now_s = NOW_S

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def now() -> TurnedTime:
    return TurnedTime()


@pytest.fixture
async def store(sql_place: str, now: TurnedTime) -> AsyncIterator[SqlCheckpoints]:
    opened = SqlCheckpoints(sql_place, now=now, timeout_s=30.0)
    yield opened
    await opened.aclose()


async def test_steps_are_kept_in_their_order_and_replaced_by_their_ends(
    store: SqlCheckpoints,
) -> None:
    await store.begin(RECORD, "one", lease_s=10.0)
    await store.save("p1", "one", SavedStep(key="a", result={"x": [1]}, ended=True))
    await store.save("p1", "one", SavedStep(key="b"))
    await store.save("p1", "one", SavedStep(key="c", ended=True))
    await store.save("p1", "one", SavedStep(key="b", result="done", ended=True))
    saved = await store.load("p1")
    assert saved is not None and saved.record == RECORD
    assert [(step.key, step.result, step.ended) for step in saved.steps] == [
        ("a", {"x": [1]}, True), ("b", "done", True), ("c", None, True),
    ]  # fmt: skip
    assert await store.load("p2") is None


async def test_only_what_is_abandoned_is_taken_over_and_by_one(
    store: SqlCheckpoints, now: TurnedTime
) -> None:
    with pytest.raises(PipelineNotFoundError):
        await store.claim("p1", "two", lease_s=10.0)
    await store.begin(RECORD, "one", lease_s=10.0)
    now.now_s += 9.0
    await store.renew("one", lease_s=10.0)
    now.now_s += 9.0
    assert await store.abandoned() == []
    with pytest.raises(PipelineHeldError, match="worked on"):
        await store.claim("p1", "two", lease_s=10.0)
    now.now_s += 2.0
    assert [each.id for each in await store.abandoned()] == ["p1"]
    claims = await asyncio.gather(
        *(store.claim("p1", f"new-{n}", lease_s=10.0) for n in range(8)), return_exceptions=True
    )
    won = [n for n, claim in enumerate(claims) if not isinstance(claim, BaseException)]
    assert len(won) == 1
    with pytest.raises(PipelineHeldError):  # who was only slow does nothing any more
        await store.save("p1", "one", SavedStep(key="late"))
    await store.end("p1", "one", PipelineStatus.CANCELLED)
    await store.save("p1", f"new-{won[0]}", SavedStep(key="a", ended=True))
    saved = await store.load("p1")
    assert saved is not None and saved.record.status is PipelineStatus.RUNNING


async def test_what_has_failed_may_be_tried_again_and_what_is_over_is_forgotten_in_time(
    store: SqlCheckpoints,
) -> None:
    for name, status in (("p1", PipelineStatus.FAILED), ("p2", PipelineStatus.DONE)):
        await store.begin(RECORD.model_copy(update={"id": name}), "one", lease_s=10.0)
        await store.end(name, "one", status)
    assert (await store.claim("p1", "two", lease_s=10.0)).record.id == "p1"
    with pytest.raises(PipelineHeldError, match="done already"):
        await store.claim("p2", "two", lease_s=10.0)
    assert await store.purge(began_before_s=NOW_S) == 0
    assert await store.purge(began_before_s=NOW_S + 1.0) == 1
    assert await store.load("p2") is None and await store.load("p1") is not None
