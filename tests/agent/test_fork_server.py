"""Whatever kills the process that calls are forked from: it is noticed, and there is another."""

import asyncio
import multiprocessing
import os
import select
import signal
import time

import pytest

from agent.fork_server import ForkServerWatch, _pid

WITHIN_S = 60.0


async def until(is_well: bool, watch: ForkServerWatch) -> None:
    async with asyncio.timeout(WITHIN_S):
        while watch.is_well is not is_well:  # noqa: ASYNC110 - a plain attribute, as readiness asks
            await asyncio.sleep(0.002)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
async def test_a_fork_server_that_is_killed_is_replaced_and_its_idle_children_with_it(
    number: signal.Signals,
) -> None:
    context = multiprocessing.get_context("forkserver")
    busy, idle = (context.Process(target=time.sleep, args=(120,)) for _ in range(2))
    for process in (busy, idle):
        process.start()
    assert idle.pid is not None
    idle_pid, idle_handle = idle.pid, os.pidfd_open(idle.pid)
    watch = ForkServerWatch(lambda: [idle_pid])
    watching = asyncio.create_task(watch.run())
    try:
        for _ in range(2):  # and the next one too
            await until(True, watch)
            first = _pid()
            os.kill(first, number)
            await until(False, watch)
            await until(True, watch)
            assert _pid() != first
            again = context.Process(target=time.sleep, args=(0,))
            again.start()
            await asyncio.to_thread(again.join)
            assert again.exitcode == 0
        assert busy.pid is not None
        os.kill(busy.pid, 0)  # who has a call goes on
        ended, _, _ = await asyncio.to_thread(select.select, [idle_handle], [], [], WITHIN_S)
        assert ended == [idle_handle]
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        assert busy.pid is not None
        os.kill(busy.pid, signal.SIGKILL)
        os.close(idle_handle)
