"""Starts parts in the order of their needs, restarts those that die, stops all of them."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ops.supervisor.part import Part, PartState
from ops.supervisor.part_log import PartLog
from ops.supervisor.part_process import PartProcess, exit_reason
from ops.supervisor.readiness import until_ready
from parley.errors import ParleyError, SupervisorError
from parley.probe import why_not_ready
from parley.program import EXIT_MISCONFIGURED

SHOWN_LINES = 12
"""Lines of a dead part's log that are shown."""


UntilPrepared = Callable[[str], Awaitable[None]]
"""Returns once what the part of that name needs is on the machine; raises ParleyError."""


async def already(part: str) -> None:
    """For parts that need nothing that is not there."""


@dataclass(frozen=True)
class RestartPolicy:
    """A run shorter than `fast_s` is a fast failure. So many in a row, and a part that has never
    been ready is given up; one that has been is started again as long as the others run."""

    fast_s: float = 30.0
    fast_failures: int = 4
    first_pause_s: float = 0.5
    longest_pause_s: float = 15.0

    def pause_s(self, failures: int) -> float:
        """How long to wait after that many failures in a row."""
        doublings = min(failures - 1, 30)  # more would be no number
        return min(self.first_pause_s * 2.0**doublings, self.longest_pause_s)


@dataclass(frozen=True)
class PartStatus:
    """How a part is doing; `reason` and `last_lines` tell of its last end, if it had one."""

    name: str
    state: PartState = PartState.WAITING
    pid: int | None = None
    guard_pid: int | None = None
    restarts: int = 0
    reason: str = ""
    last_lines: tuple[str, ...] = ()
    pause_s: float = 0.0
    is_unprepared: bool = False
    """It was never started: what it needs could not be had."""


@dataclass(frozen=True)
class _Run:
    """How one run of a part ended; `is_final`: starting it again would change nothing."""

    reason: str
    was_ready: bool
    last_lines: tuple[str, ...] = ()
    is_final: bool = False


class Supervisor:
    """Keeps `parts` running from `async with` to its end; `on_change` hears of every change.

    `parts` stand in the order of their needs. Leaving the block stops them one by one, the last
    first, and leaves no process; cancelled while it stops, it kills.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        *,
        log_dir: Path,
        on_change: Callable[[PartStatus], None],
        policy: RestartPolicy = RestartPolicy(),
        until_prepared: UntilPrepared = already,
    ) -> None:
        self._parts = tuple(parts)
        self._log_dir = log_dir
        self._on_change = on_change
        self._policy = policy
        self._until_prepared = until_prepared
        self._status = {part.name: PartStatus(part.name) for part in parts}
        self._ready = {part.name: asyncio.Event() for part in parts}
        self._settled = asyncio.Event()
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._processes: dict[str, PartProcess] = {}

    async def __aenter__(self) -> Self:
        for part in self._parts:
            self._keepers[part.name] = asyncio.create_task(self._keep(part), name=part.name)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        keepers = list(self._keepers.items())
        try:
            for name, keeper in reversed(keepers):
                keeper.cancel()
                await asyncio.wait({keeper})
                self._change(name, state=PartState.STOPPED, pid=None)
        except asyncio.CancelledError:
            self.kill()
            for _, keeper in keepers:
                keeper.cancel()
            await asyncio.wait(self._keepers.values())
            raise

    @property
    def status(self) -> tuple[PartStatus, ...]:
        return tuple(self._status.values())

    async def all_ready(self) -> None:
        """Returns once every part has been ready; raises SupervisorError when one is given up."""
        await self._settled.wait()
        for status in self.status:
            if status.state is PartState.FAILED:
                raise SupervisorError(failure_message(status))

    def kill(self) -> None:
        """Kills every part without asking; for one who will not wait for a stop in progress."""
        for process in self._processes.values():
            process.kill()

    async def serve(self, stop: asyncio.Event, *, on_ready: Callable[[], None]) -> None:
        """Calls `on_ready` once all are ready, and returns when `stop` is set.

        Raises SupervisorError when a part is given up before that; later the others go on.
        """
        stopped = asyncio.create_task(stop.wait())
        ready = asyncio.create_task(self.all_ready())
        try:
            await asyncio.wait({stopped, ready}, return_when=asyncio.FIRST_COMPLETED)
            if ready.done():
                ready.result()
                on_ready()
                await stopped
        finally:
            stopped.cancel()
            ready.cancel()

    async def _keep(self, part: Part) -> None:
        try:
            await self._until_prepared(part.name)
        except ParleyError as error:
            failed = PartState.FAILED
            self._change(part.name, state=failed, reason=str(error), is_unprepared=True)
            return
        for name in part.after:
            if name in self._ready:
                await self._ready[name].wait()
        try:
            with closing(PartLog(self._log_dir / f"{part.name}.log")) as log:
                await self._restart(part, log)
        except OSError as error:  # the machine refuses a process or a file
            self._change(part.name, state=PartState.FAILED, reason=str(error), pid=None)

    async def _restart(self, part: Part, log: PartLog) -> None:
        """Runs the part again and again; returns when it is given up.

        What has been ready may be so again, whatever keeps it from it: a model file that comes
        back, a port that is freed, a disk with room, a file of settings put right.
        """
        failures = restarts = 0
        while True:
            begun = time.monotonic()
            run = await self._run(part, log)
            lasted = run.was_ready and time.monotonic() - begun >= self._policy.fast_s
            failures = 1 if lasted else failures + 1
            end = {"reason": run.reason, "last_lines": run.last_lines, "pid": None}
            may_come_back = self._ready[part.name].is_set()
            is_hopeless = run.is_final or failures >= self._policy.fast_failures
            if is_hopeless and not may_come_back:
                self._change(part.name, state=PartState.FAILED, **end)
                return
            restarts += 1
            pause_s = self._policy.pause_s(failures)
            self._change(
                part.name, state=PartState.RESTARTING, restarts=restarts, pause_s=pause_s, **end
            )
            await asyncio.sleep(pause_s)

    async def _run(self, part: Part, log: PartLog) -> _Run:
        process = self._processes[part.name] = await PartProcess.start(part, log)
        self._change(part.name, state=PartState.STARTING, guard_pid=process.guard_pid)
        ended = asyncio.create_task(process.ended())
        ready = asyncio.create_task(until_ready(part.ready_url))
        try:
            await asyncio.wait(
                {ended, ready}, timeout=part.ready_within_s, return_when=asyncio.FIRST_COMPLETED
            )
            if not ended.done() and not ready.done():
                answer = await asyncio.to_thread(why_not_ready, part.ready_url)
                return _Run(
                    f"not ready within {part.ready_within_s:g} s ({answer})",
                    was_ready=False,
                    last_lines=process.last_lines(SHOWN_LINES),
                    is_final=True,
                )
            if not ended.done():
                self._change(part.name, state=PartState.READY, pid=process.pid)
            status = await ended
            return _Run(
                exit_reason(status),
                was_ready=ready.done(),
                last_lines=process.last_lines(SHOWN_LINES),
                is_final=status == EXIT_MISCONFIGURED,
            )
        finally:
            ready.cancel()
            ended.cancel()
            await process.stop()

    def _change(self, name: str, **changes: Any) -> None:
        status = self._status[name] = replace(self._status[name], **changes)
        if status.state is PartState.READY:
            self._ready[name].set()
        if status.state is PartState.FAILED or all(e.is_set() for e in self._ready.values()):
            self._settled.set()
        self._on_change(status)


def failure_message(status: PartStatus) -> str:
    """Why the part was given up, and the last it said."""
    if status.is_unprepared:
        return status.reason
    lines = "\n".join(f"    {line}" for line in status.last_lines)
    said = f"; the last it said:\n{lines}" if lines else " and it said nothing"
    return f"{status.name} could not be kept running ({status.reason}){said}"
