"""What every store of approvals promises: in memory, in SQLite, in PostgreSQL."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from dialogue.approvals.approval import (
    ApprovalDecidedError,
    ApprovalDecision,
    ApprovalError,
    ApprovalNotFoundError,
    ApprovalRequest,
    CallEnd,
    HeldCall,
)
from dialogue.approvals.memory import MemoryApprovals
from dialogue.approvals.sql import SqlApprovals
from dialogue.approvals.store import ApprovalStore
from parley import paths
from parley.errors import ConfigurationError

NOW_S = 1_700_000_000.0
CALL = HeldCall(turn_id="t1", call_id="c1", tool="refund", arguments={"amount": 5})
YES = ApprovalDecision(approved=True, approver_id="ann")
NO = ApprovalDecision(approved=False, approver_id="bob", approval_notes="too much")


def request(session_id: str = "s1", expires_s: float = 60.0) -> ApprovalRequest:
    return ApprovalRequest(
        orchestration_id=session_id,
        proposed_action="refund(amount=5)",
        expires_in_seconds=expires_s,
    )


class TurnedTime:
    def __init__(self) -> None:
        self.now_s = NOW_S

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def now() -> TurnedTime:
    return TurnedTime()


Open = Callable[[], ApprovalStore]


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Empty: in memory."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path / 'operations.db'}" if request.param == "sqlite" else ""


@pytest.fixture
async def open_another(place: str, now: TurnedTime) -> AsyncIterator[Open]:
    """Opens one more on the same place; all are closed at the end."""
    memory, opened = MemoryApprovals(now=now), list[ApprovalStore]()

    def open_() -> ApprovalStore:
        if not place:
            return memory
        opened.append(SqlApprovals(place, now=now, timeout_s=30.0))
        return opened[-1]

    yield open_
    for store in opened:
        await store.aclose()


@pytest.fixture
def store(open_another: Open) -> ApprovalStore:
    return open_another()


async def test_one_decides_and_all_others_see_it(open_another: Open, now: TurnedTime) -> None:
    one, other = open_another(), open_another()
    asked = await one.request(request(), CALL)
    assert [each.id for each in await other.pending()] == [asked.id]
    now.now_s += 4.0
    decided = await other.decide(asked.id, YES)
    assert (decided.status, decided.approver_id, decided.decided_at_s) == (
        "approved", "ann", NOW_S + 4.0,
    )  # fmt: skip
    with pytest.raises(ApprovalDecidedError, match="approved by ann"):
        await one.decide(asked.id, NO)
    assert await one.pending() == []
    assert await one.decided_of([asked.id]) == [decided]
    assert (await one.load(asked.id)) == decided


async def test_what_has_expired_is_not_decided_and_never_pending(
    store: ApprovalStore, now: TurnedTime
) -> None:
    asked = await store.request(request(expires_s=10.0), CALL)
    now.now_s += 10.0
    assert await store.pending() == []
    with pytest.raises(ApprovalDecidedError, match="expired"):
        await store.decide(asked.id, YES)
    assert [each.status for each in await store.decided_of([asked.id])] == ["expired"]
    now.now_s -= 5.0  # another machine's clock is late
    with pytest.raises(ApprovalDecidedError, match="expired"):
        await store.decide(asked.id, YES)
    assert not await store.claim(asked.id)


async def test_an_unknown_one_is_not_decided(store: ApprovalStore) -> None:
    with pytest.raises(ApprovalNotFoundError):
        await store.decide("no-such", YES)
    assert await store.load("no-such") is None
    assert await store.decided_of([]) == []


async def test_the_same_call_asks_once(open_another: Open) -> None:
    first = await open_another().request(request(), CALL)
    await open_another().decide(first.id, YES)
    again = await open_another().request(request(), CALL)
    assert (again.id, again.status) == (first.id, "approved")
    other = await open_another().request(request(), CALL.model_copy(update={"call_id": "c2"}))
    assert other.id != first.id
    outside = [await open_another().request(request()) for _ in range(2)]
    assert outside[0].id != outside[1].id


async def test_a_session_follows_its_calls_until_the_person_has_been_told(
    open_another: Open,
) -> None:
    one, other = open_another(), open_another()
    asked = await one.request(request(), CALL)
    await one.request(request())  # of somebody outside: there is nothing to run
    await one.request(request("s2"), CALL)
    (followed,) = await other.followed("s1")
    assert (followed.approval.call, followed.claimed, followed.end) == (CALL, False, None)
    assert not await other.claim(asked.id), "nobody has approved it"
    await one.decide(asked.id, YES)
    assert [await one.claim(asked.id), await other.claim(asked.id)] == [True, False]
    assert [each.claimed for each in await other.followed("s1")] == [True]
    await one.ended(asked.id, CallEnd(outcome="done", result="Paid."))
    assert [each.end for each in await other.followed("s1")] == [
        CallEnd(outcome="done", result="Paid.")
    ]
    await other.told(asked.id)
    assert await one.followed("s1") == []


async def test_what_was_refused_is_not_run(store: ApprovalStore) -> None:
    asked = await store.request(request(), CALL)
    await store.decide(asked.id, NO)
    assert not await store.claim(asked.id)


async def test_figures_count_each_once(store: ApprovalStore, now: TurnedTime) -> None:
    assert (await store.stats()).median_seconds_to_decide is None
    ids = [(await store.request(request(), None)).id for _ in range(5)]
    await store.request(request(expires_s=1.0))
    for approval_id, decision in zip(ids, (YES, NO, YES), strict=False):
        now.now_s += 2.0
        await store.decide(approval_id, decision)
    stats = await store.stats()
    assert (stats.pending, stats.approved, stats.rejected, stats.expired) == (2, 2, 1, 1)
    assert (stats.total, stats.median_seconds_to_decide) == (6, 4.0)


async def test_what_is_over_is_forgotten_and_what_waits_is_not(
    store: ApprovalStore, now: TurnedTime
) -> None:
    decided, expired = [(await store.request(request(expires_s=60.0))).id for _ in range(2)]
    waiting = (await store.request(request(expires_s=1000.0), CALL)).id
    now.now_s += 50.0
    await store.decide(decided, NO)
    now.now_s += 100.0
    assert await store.purge(ended_before_s=NOW_S + 50.0) == 0
    assert await store.purge(ended_before_s=NOW_S + 55.0) == 1
    assert await store.load(decided) is None and await store.load(expired) is not None
    assert await store.purge(ended_before_s=now.now_s + 5000.0) == 1
    assert await store.load(expired) is None
    assert [each.id for each in await store.pending()] == [waiting]
    now.now_s += 1000.0  # nobody has decided it, and nobody has read it since
    assert await store.purge(ended_before_s=now.now_s) == 1
    assert await store.load(waiting) is None


def winners(place: str, approval_id: str) -> list[int]:
    """How many decisions of each of two processes have won that begin at the same time."""
    program = [sys.executable, "-m", "tests.dialogue.approvals.deciding", place, approval_id]
    processes = [
        subprocess.Popen(
            [*program, name],
            cwd=paths.repository(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("a", "b")
    ]
    for process in processes:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    return [int(process.communicate(timeout=120)[0]) for process in processes]


async def test_of_twenty_decisions_at_once_in_two_processes_one_wins(sql_place: str) -> None:
    store = SqlApprovals(sql_place, timeout_s=30.0)
    asked = await store.request(request(expires_s=3600.0), CALL)
    won = await asyncio.to_thread(winners, sql_place, asked.id)
    assert sum(won) == 1
    decided = await store.load(asked.id)
    assert decided is not None and decided.approver_id[0] == "ab"[won.index(1)]
    await store.aclose()


async def test_a_store_that_fails_says_which(tmp_path: Path) -> None:
    blocked = tmp_path / "a-file"
    blocked.write_text("")
    store = SqlApprovals(blocked / "operations.db")
    with pytest.raises(ApprovalError, match="store of approvals"):
        await store.pending()
    with pytest.raises(ConfigurationError, match="APPROVALS_URL"):
        SqlApprovals("mysql://somewhere/else")
