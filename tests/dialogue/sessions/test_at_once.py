"""Several who write at once, and some who are cancelled: every batch stays whole, in order."""

import asyncio
import subprocess
import sys
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dialogue.sessions.sql import SqlStore
from dialogue.sessions.store import SessionStore
from parley import paths
from tests.dialogue.sessions.backends import Backend
from tests.dialogue.sessions.conftest import EVERY, KEPT_OUTSIDE, Open, on
from tests.dialogue.sessions.spoken import batch, log_of, record


class Step(NamedTuple):
    waits: int
    """Turns of the event loop before the append."""
    size: int


STEPS = st.lists(st.builds(Step, st.integers(0, 12), st.integers(1, 5)), max_size=6)
shared = settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # a session per example
)


async def turns(number: int) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def empty_session(store: SessionStore) -> None:
    await store.delete("s1")
    await store.create(record())


async def test_a_file_that_several_make_at_once_locks_none_of_them_out(tmp_path: Path) -> None:
    for round_ in range(20):  # about one in twenty failed
        stores = [SqlStore(tmp_path / str(round_) / "sessions.db") for _ in range(4)]
        await asyncio.gather(*(store.create(record(f"s{i}")) for i, store in enumerate(stores)))
        for store in stores:
            await store.aclose()


@on(*EVERY)
@shared
@given(plan=st.tuples(STEPS, STEPS))
async def test_any_interleaving_of_two_stores_keeps_each_batch_whole_and_in_order(
    open_another: Open, plan: tuple[list[Step], list[Step]]
) -> None:
    async def speak(name: str, store: SessionStore, steps: list[Step]) -> list[str]:
        for number, step in enumerate(steps):
            await turns(step.waits)
            await store.append("s1", batch(f"{name}{number}", step.size))
        return [f"{name}{number}" for number in range(len(steps))]

    one, other = open_another(), open_another()
    await empty_session(one)
    ones, others = await asyncio.gather(speak("a", one, plan[0]), speak("b", other, plan[1]))
    log = await log_of(one)
    assert [name for name in log if name.startswith("a")] == ones
    assert [name for name in log if name.startswith("b")] == others
    assert await log_of(other) == log


@on(*EVERY)
async def test_many_appends_at_once_through_one_store_all_happen(store: SessionStore) -> None:
    await store.create(record())
    names = [f"a{number}" for number in range(40)]
    await asyncio.gather(*(store.append("s1", batch(name)) for name in names))
    assert sorted(await log_of(store)) == sorted(names)


@on(*KEPT_OUTSIDE)
def test_processes_that_begin_and_append_at_once_lose_no_batch(backend: Backend) -> None:
    """They also make the file and the tables at the same moment."""
    program = ["-m", "tests.dialogue.sessions.appending", backend.place]
    processes = [
        subprocess.Popen(
            [sys.executable, *program, name, "40"],
            cwd=paths.repository(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in "abc"
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("begin\n")
        process.stdin.flush()
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    for process in processes:
        process.communicate()
    log = asyncio.run(_loaded(backend))
    for name in "abc":
        assert [entry for entry in log if entry[0] == name] == [f"{name}{i}" for i in range(40)]


async def _loaded(backend: Backend) -> list[str]:
    store = backend.open()
    try:
        return await log_of(store)
    finally:
        await store.aclose()


@on(*EVERY)
async def test_a_cancelled_append_leaves_no_half_of_a_batch(open_another: Open) -> None:
    store, other = open_another(), open_another()
    await store.create(record())
    undone = done = 0
    for waits in chain(range(60), (60 * 2**n for n in range(16))):
        if waits >= 60 and done >= 3:
            break
        before = await log_of(other)
        appending = asyncio.create_task(store.append("s1", batch(f"cut{waits}", 20)))
        await turns(waits)
        appending.cancel()
        await asyncio.gather(appending, return_exceptions=True)
        await store.append("s1", batch(f"next{waits}"))
        added = (await log_of(other))[len(before) :]
        assert added in ([f"next{waits}"], [f"cut{waits}", f"next{waits}"])
        done, undone = done + (len(added) == 2), undone + (len(added) == 1)
    assert undone > 0
    assert done > 0


@on(*EVERY)
@pytest.mark.parametrize("call", ["create", "delete", "purge"])
async def test_a_cancelled_call_has_happened_wholly_or_not(open_another: Open, call: str) -> None:
    store, other = open_another(), open_another()
    for waits in range(0, 60, 2):
        await store.delete("s1")
        if call != "create":
            await store.create(record())
            await store.append("s1", batch("a"))
        calls = {
            "create": lambda: store.create(record()),
            "delete": lambda: store.delete("s1"),
            "purge": lambda: store.purge(began_before_s=2_000.0),
        }
        calling = asyncio.create_task(calls[call]())
        await turns(waits)
        calling.cancel()
        await asyncio.gather(calling, return_exceptions=True)
        if await other.load("s1") is None:
            await other.create(record())
            assert await log_of(store) == []
        else:
            assert await log_of(store) == ([] if call == "create" else ["a"])
