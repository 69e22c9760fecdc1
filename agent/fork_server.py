"""The process that job processes are forked from: watched, and replaced when it dies.

Nothing else notices its death before the next call needs a process: Python then starts another,
and that call waits until it has imported everything.
"""

import asyncio
import logging
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable
from contextlib import suppress
from multiprocessing import forkserver

_log = logging.getLogger(__name__)


class ForkServerWatch:
    """Runs beside the agent server, which has started its first processes.

    `idle`: the pids of processes that were forked and have no call. They are the dead server's
    children, whose end nobody could be told of: they are ended, and the pool makes others. Those
    with a call finish it.
    """

    def __init__(self, idle: Callable[[], Iterable[int]]) -> None:
        self._idle = idle
        self.is_well = False
        """Whether a call that comes now gets a process."""

    async def run(self) -> None:
        """Until it is cancelled."""
        await asyncio.to_thread(forkserver.ensure_running)
        self.is_well = True
        while True:
            await _ended(_pid())
            self.is_well = False
            _log.error("the process that calls are forked from has died; starting another")
            for pid in self._idle():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            await asyncio.to_thread(_start_and_fork)
            self.is_well = True
            _log.info("calls get their processes again")


def _pid() -> int:
    pid = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    assert isinstance(pid, int)
    return pid


async def _ended(pid: int) -> None:
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(handle, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)


def _start_and_fork() -> None:
    """Blocks until it has imported what it is to, and forks."""
    forkserver.ensure_running()
    first = multiprocessing.get_context("forkserver").Process(target=_nothing)
    first.start()
    first.join()


def _nothing() -> None:
    """The process shows that it can be made."""
