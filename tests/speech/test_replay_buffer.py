"""The buffer that a moved call reads again from."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from parley.speech.replay_buffer import ReplayBuffer


async def numbers(count: int) -> AsyncGenerator[int]:
    for n in range(count):
        yield n


async def test_every_reader_gets_every_item() -> None:
    buffer = ReplayBuffer(numbers(3))
    buffer.open()
    assert [[item async for item in buffer.read()] for _ in range(2)] == [[0, 1, 2]] * 2
    await buffer.aclose()


async def test_it_tells_whether_there_is_more_to_come() -> None:
    buffer = ReplayBuffer(numbers(2))
    buffer.open()
    assert await buffer.reaches(1)
    assert not await buffer.reaches(2)
    await buffer.aclose()


async def test_who_is_cancelled_while_it_closes_the_buffer_ends() -> None:
    """The source takes its time to end: meanwhile its owner is cancelled, and must not go on."""
    reading, ending, may_end = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow_to_end() -> AsyncGenerator[int]:
        try:
            reading.set()
            await asyncio.Event().wait()
            yield 1
        finally:
            ending.set()
            await may_end.wait()

    went_on = False

    async def owner() -> None:
        nonlocal went_on
        buffer = ReplayBuffer(slow_to_end())
        buffer.open()
        await reading.wait()
        await buffer.aclose()
        went_on = True

    task = asyncio.create_task(owner())
    await ending.wait()
    task.cancel()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not went_on
