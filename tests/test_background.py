"""Work beside a block ends with the block, whatever it does with a cancellation."""

import asyncio

import pytest

from parley.background import background


async def test_work_that_loses_a_cancellation_is_cancelled_again() -> None:
    begun = asyncio.Event()
    lost: list[asyncio.CancelledError] = []

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as cancellation:
            lost.append(cancellation)
        await asyncio.Event().wait()

    async with asyncio.timeout(5), background(work(), name="work"):
        await begun.wait()
    assert len(lost) == 1
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "work"]


async def test_the_error_of_the_work_is_raised_at_the_end() -> None:
    failed = asyncio.Event()

    async def work() -> None:
        failed.set()
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        async with background(work(), name="work"):
            await failed.wait()
