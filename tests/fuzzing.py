"""What fuzz tests share: what nobody should send, and an event loop beside them for real servers.

`pytest -k fuzz --fuzz 5000` tries so many new examples; without the option a few are tried, and
always the same ones.
"""

import asyncio
import json
import threading
from collections.abc import Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

FEW = 40
WITHIN_S = 120.0
"""For anything at all, on a machine that does much else."""

T = TypeVar("T")

NASTY = (
    "",
    " ",
    "\0",
    "\r\n",
    "\u202e",
    "\u200d\ufeff",
    "\U0001f4a9" * 9,
    "../../../etc/passwd",
    "%00",
    "${jndi:ldap://x}",
    "{{7*7}}",
    "' OR 1=1 --",
    "<script>alert(1)</script>",
    "<speak>" * 50,
    "null",
    "NaN",
    "-1",
    "1e999",
    "9" * 400,
    "a" * 5000,
    "s-" + "0" * 32,
)

junk_text = st.sampled_from(NASTY) | st.text(max_size=80)
junk_number = (
    st.integers()
    | st.floats()
    | st.sampled_from([0, -1, 2**31, 2**53 + 1, 2**63, -(2**63) - 1, 10**400])
)
_scalars = st.none() | st.booleans() | junk_number | junk_text | st.just("\ud800")
junk_json = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(junk_text, inner, max_size=4),
    max_leaves=12,
)
junk_bytes = st.binary(max_size=300) | junk_text.map(lambda text: text.encode("utf-8", "ignore"))


def json_bytes(value: object) -> bytes:
    """As a careless program writes it: NaN, halves of surrogates and endless numbers included."""
    return json.dumps(value).encode()


def objects(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with these fields, some missing, some with anything at all in them, and others."""
    return st.fixed_dictionaries(
        {}, optional={name: value | junk_json for name, value in fields.items()}
    ).flatmap(
        lambda known: st.dictionaries(junk_text, junk_json, max_size=2).map(
            lambda more: {**more, **known}
        )
    )


@pytest.fixture(scope="session")
def fuzzed(pytestconfig: pytest.Config) -> settings:
    """How often the inner function of a fuzz test is tried: decorate it with this."""
    many: int = pytestconfig.getoption("fuzz")
    return settings(
        max_examples=many or FEW,
        derandomize=not many,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


class ServerLoop:
    """An event loop in a thread of its own: hypothesis calls plain functions, which ask it."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fuzzed server")

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What came of it; raises what it raised, and TimeoutError."""
        return asyncio.run_coroutine_threadsafe(
            asyncio.wait_for(work, WITHIN_S), self._loop
        ).result(WITHIN_S + 10)

    @contextmanager
    def serving(self, context: AbstractAsyncContextManager[T]) -> Iterator[T]:
        """Inside of the context, which is entered and left by one task."""
        ready: asyncio.Future[T] = asyncio.run_coroutine_threadsafe(_future(), self._loop).result(
            WITHIN_S
        )
        leave = asyncio.Event()
        held = asyncio.run_coroutine_threadsafe(_held(context, ready, leave), self._loop)
        try:
            yield self.run(_first(ready))
        finally:
            self._loop.call_soon_threadsafe(leave.set)
            held.result(WITHIN_S)

    def tasks(self) -> int:
        """How many there are now."""
        return self.run(_count_tasks())

    def has_no_more_tasks_than(self, count: int) -> None:
        """Waits until it is so; raises TimeoutError."""
        self.run(_until_tasks(count))

    def __enter__(self) -> "ServerLoop":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(WITHIN_S)
        self._loop.close()


async def _future() -> Any:
    return asyncio.get_running_loop().create_future()


async def _first(ready: "asyncio.Future[T]") -> T:
    return await ready


async def _held(
    context: AbstractAsyncContextManager[T], ready: "asyncio.Future[T]", leave: asyncio.Event
) -> None:
    try:
        async with context as value:
            ready.set_result(value)
            await leave.wait()
    except BaseException as error:
        if not ready.done():
            ready.set_exception(error)
            return
        raise


async def _count_tasks() -> int:
    return len(asyncio.all_tasks())


async def _until_tasks(count: int) -> None:
    while len(asyncio.all_tasks()) > count:  # noqa: ASYNC110 - nobody tells of the end of a task
        await asyncio.sleep(0.02)


@pytest.fixture(scope="module")
def server_loop() -> Iterator[ServerLoop]:
    with ServerLoop() as loop:
        yield loop
