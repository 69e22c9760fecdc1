"""What a session store promises, held against every store."""

import asyncio
import logging

import pytest

from dialogue.sessions.store import (
    SessionExistsError,
    SessionNotFoundError,
    SessionRecord,
    SessionStore,
    StoredSession,
)
from parley.app.session import (
    AgentSaid,
    AnyEntry,
    HandedOff,
    Heard,
    PersonSaid,
    Resumed,
    ToolCalled,
)
from tests.dialogue.sessions.backends import Backend
from tests.dialogue.sessions.conftest import EVERY, KEPT_OUTSIDE, Open, on
from tests.dialogue.sessions.spoken import batch, log_of, record

FULL_RECORD = SessionRecord(
    id="call/7 'ü' \N{PARTY POPPER}",
    channel="text",
    app="shop",
    user="Zoë",
    language="de",
    attributes={"phone": "+49 30 1", "": "\x00"},
    began_at_s=1_763_812_345.678901,
)

EVERY_KIND: list[AnyEntry] = [
    PersonSaid(at_s=1.25, turn_id="t1", text="What's \"up\"?\n\x00 ' -- ü\N{PARTY POPPER}"),
    AgentSaid(at_s=2.0, turn_id="t1", text=""),
    Heard(at_s=3.0, turn_id="t1", text="Not", interrupted=True, final=False),
    ToolCalled(
        at_s=4.0,
        turn_id="t1",
        call_id="c1",
        name="order_status",
        arguments={"number": 7, "deep": [{"a": None}, 1.5, True, "x"]},
        outcome="refused",
        result="not now",
    ),
    HandedOff(at_s=5.0, agent="billing", keeps=2),
    HandedOff(at_s=5.0, agent="desk"),
    Resumed(at_s=6.0),
]


@on(*EVERY)
async def test_a_new_session_is_loaded_as_it_was_created(store: SessionStore) -> None:
    await store.create(FULL_RECORD)
    assert await store.load(FULL_RECORD.id) == StoredSession(FULL_RECORD, ())


@on(*EVERY)
async def test_every_kind_of_entry_comes_back_as_it_was(store: SessionStore) -> None:
    await store.create(record())
    await store.append("s1", EVERY_KIND)
    stored = await store.load("s1")
    assert stored is not None
    assert list(stored.entries) == EVERY_KIND
    assert {entry.kind for entry in EVERY_KIND} == {
        kind.model_fields["kind"].default for kind in AnyEntry.__args__
    }


@on(*EVERY)
async def test_what_was_loaded_does_not_grow_with_the_log(store: SessionStore) -> None:
    await store.create(record())
    before = await store.load("s1")
    await store.append("s1", batch("a"))
    assert before is not None
    assert list(before.entries) == []


@on(*EVERY)
async def test_another_store_sees_at_once_what_was_appended(open_another: Open) -> None:
    one, other = open_another(), open_another()
    await one.create(record())
    await other.append("s1", batch("a"))
    await one.append("s1", batch("b"))
    assert await log_of(other) == ["a", "b"]


@on(*EVERY)
async def test_two_sessions_share_no_log(store: SessionStore) -> None:
    await store.create(record("s1"))
    await store.create(record("s10"))
    await store.append("s1", batch("a"))
    await store.append("s10", batch("b"))
    assert (await log_of(store, "s1"), await log_of(store, "s10")) == (["a"], ["b"])


@on(*EVERY)
async def test_a_batch_of_thousands_is_kept_whole(store: SessionStore) -> None:
    await store.create(record())
    await store.append("s1", batch("a", 9_000))
    await store.append("s1", batch("b", 1))
    assert await log_of(store) == ["a", "b"]


@on(*EVERY)
async def test_a_session_is_created_once(open_another: Open) -> None:
    one, other = open_another(), open_another()
    await one.create(record())
    await one.append("s1", batch("a"))
    with pytest.raises(SessionExistsError, match="s1"):
        await other.create(record(began_at_s=2.0))
    assert await log_of(one) == ["a"]


@on(*EVERY)
async def test_of_many_who_create_the_same_session_one_does(open_another: Open) -> None:
    stores = [open_another() for _ in range(4)]
    results = await asyncio.gather(
        *(store.create(record()) for store in stores), return_exceptions=True
    )
    failed = [result for result in results if result is not None]
    assert len(failed) == 3
    assert all(isinstance(result, SessionExistsError) for result in failed)


@on(*EVERY)
async def test_a_session_that_is_not_kept_is_none_and_takes_no_entry(store: SessionStore) -> None:
    assert await store.load("gone") is None
    for entries in (batch("a"), []):
        with pytest.raises(SessionNotFoundError, match="gone"):
            await store.append("gone", entries)
    assert await store.load("gone") is None


@on(*EVERY)
async def test_appending_nothing_changes_nothing(store: SessionStore) -> None:
    await store.create(record())
    await store.append("s1", batch("a"))
    await store.append("s1", [])
    await store.append("s1", batch("b"))
    assert await log_of(store) == ["a", "b"]


@on(*EVERY)
async def test_a_deleted_session_is_forgotten_with_its_log(store: SessionStore) -> None:
    for session_id in ("s1", "s2"):
        await store.create(record(session_id))
        await store.append(session_id, batch(session_id))
    await store.delete("s1")
    await store.delete("never there")
    assert await store.load("s1") is None
    assert await log_of(store, "s2") == ["s2"]
    await store.create(record("s1"))
    assert await log_of(store, "s1") == []


@on(*EVERY)
async def test_purge_forgets_what_began_before_and_says_how_many(store: SessionStore) -> None:
    for began_at_s in (1.5, 2.5, 2.75, 3.5):
        await store.create(record(f"at {began_at_s}", began_at_s=began_at_s))
        await store.append(f"at {began_at_s}", batch("a"))
    await store.delete("at 1.5")
    assert await store.purge(began_before_s=2.75) == 1
    assert await store.purge(began_before_s=2.75) == 0
    assert await store.load("at 2.5") is None
    assert await log_of(store, "at 2.75") == ["a"]
    assert await log_of(store, "at 3.5") == ["a"]


@on(*KEPT_OUTSIDE)
async def test_a_session_outlives_the_store_that_made_it(open_another: Open) -> None:
    first = open_another()
    await first.create(record())
    await first.append("s1", batch("a"))
    await first.aclose()
    assert await log_of(open_another()) == ["a"]


@on(*KEPT_OUTSIDE)
async def test_an_entry_of_a_newer_version_is_passed_over(
    backend: Backend, store: SessionStore, caplog: pytest.LogCaptureFixture
) -> None:
    await store.create(record())
    await store.append("s1", batch("a"))
    await backend.append_raw("s1", '{"kind": "danced", "at_s": 1.0, "step": "secret"}')
    await backend.append_raw("s1", '{"kind": "heard", "text": "secret"}')
    await backend.append_raw("s1", '{"kind": "heard", "text": "sec')
    await store.append("s1", batch("b"))
    with caplog.at_level(logging.WARNING):
        assert await log_of(store) == ["a", "b"]
    assert "its kind 'danced' is unknown to this version" in caplog.messages[0]
    assert len(caplog.messages) == 3
    assert "secret" not in caplog.text
