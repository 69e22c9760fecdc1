"""Notices a blocked event loop: a client sees nothing of it but silence (no ping fails)."""

import asyncio
import faulthandler
import logging
import os
import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

_log = logging.getLogger(__name__)

BLOCKED_EXIT_CODE = 70


def _exit() -> None:
    os._exit(BLOCKED_EXIT_CODE)


class EventLoopWatchdog:
    """Logs every thread's stack when the loop has not run for `warn_s`, gives up after `exit_s`.

    The process then exits at once: its clients see UNAVAILABLE and go elsewhere, and whoever
    supervises it starts it anew. Time is counted in ticks of this thread, so that a process
    that was stopped as a whole (SIGSTOP) is not blamed for it.
    """

    def __init__(
        self,
        *,
        warn_s: float = 1.0,
        exit_s: float = 20.0,
        tick_s: float = 0.25,
        give_up: Callable[[], None] = _exit,
    ) -> None:
        self._warn_ticks = max(1, round(warn_s / tick_s))
        self._exit_ticks = max(1, round(exit_s / tick_s))
        self._tick_s = tick_s
        self._give_up = give_up
        self._alive = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def __enter__(self) -> Self:
        """Starts to watch the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        missed = 0
        self._ask()
        while not self._stopped.wait(self._tick_s):
            if self._alive.is_set():
                if missed >= self._warn_ticks:
                    _log.warning("the event loop runs again after %.1f s", missed * self._tick_s)
                missed = 0
                self._ask()
                continue
            missed += 1
            if missed == self._warn_ticks:
                _log.error("the event loop is blocked since %.1f s", missed * self._tick_s)
                faulthandler.dump_traceback(file=sys.__stderr__ or sys.stderr)
            if missed == self._exit_ticks:
                _log.critical("the event loop is blocked since %.0f s: exiting", self._exit_ticks)
                self._give_up()

    def _ask(self) -> None:
        self._alive.clear()
        try:
            self._loop.call_soon_threadsafe(self._alive.set)
        except RuntimeError:  # the loop is closed: there is nothing left to watch
            self._stopped.set()
