"""Work beside a block ends with the block, whatever it does with a cancellation."""

import asyncio
import subprocess
import sys
import threading

import pytest

from parley.background import background, ends_within


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

    async with asyncio.timeout(60), background(work(), name="work"):
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


@pytest.mark.parametrize("takes_s", [0.0, 0.01, 0.1])
async def test_what_blocks_a_thread_and_ends_is_waited_for(takes_s: float) -> None:
    done: list[str] = []

    def work() -> None:
        threading.Event().wait(takes_s)
        done.append(threading.current_thread().name)

    assert await ends_within(work, 30.0, name="blocks")
    assert done == ["blocks"]


NEVER = """
import asyncio, threading
from parley.background import ends_within

print(asyncio.run(ends_within(threading.Event().wait, 0.05, name="never")))
"""


def test_what_never_ends_keeps_no_process_from_ending() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", NEVER], capture_output=True, text=True, timeout=60, check=True
    )
    assert ended.stdout == "False\n"
