"""One run of one part: its process under a guard, its output into its log."""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import psutil

from ops.supervisor.part import Part
from ops.supervisor.part_log import PartLog
from parley import paths

_GUARD = Path(__file__).with_name("guard.py")
_GUARD_MARGIN_S = 5.0
_BLOCK_BYTES = 64 * 1024
_TAIL_BYTES = 8 * 1024
_LAST_OUTPUT_S = 1.0


def guarded(
    command: Sequence[str], *, stop_signal: int, stop_within_s: float, niceness: int = 0
) -> tuple[str, ...]:
    """The command under a guard (guard.py) that ends it, and all that it starts, with the thread
    that calls it."""
    python = (sys.executable, "-I", "-S", str(_GUARD), str(os.getpid()))
    return (*python, str(int(stop_signal)), str(stop_within_s), str(niceness), *command)


class PartProcess:
    """Made by `start`; whoever starts it awaits `ended` or `stop`."""

    def __init__(
        self,
        part: Part,
        guard: asyncio.subprocess.Process,
        output: asyncio.StreamReader,
        log: PartLog,
    ) -> None:
        self._part = part
        self._guard = guard
        self._output = output
        self._log = log
        self._tail = b""
        self._end = asyncio.create_task(self._until_end())

    @classmethod
    async def start(cls, part: Part, log: PartLog) -> Self:
        """Starts the part in a session of its own; its output goes to `log`."""
        if part.fresh_dir is not None:
            shutil.rmtree(part.fresh_dir, ignore_errors=True)
            part.fresh_dir.mkdir(parents=True)
        # A pipe of our own: asyncio's would hold back the end of the guard until nobody has it.
        read_end, write_end = os.pipe()
        output = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(output), os.fdopen(read_end, "rb", buffering=0)
        )
        try:
            guard = await cls._start_guard(part, write_end)
        finally:
            os.close(write_end)
        return cls(part, guard, output, log)

    @staticmethod
    async def _start_guard(part: Part, output: int) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *guarded(
                part.command,
                stop_signal=part.stop_signal,
                stop_within_s=part.stop_within_s,
                niceness=part.niceness,
            ),
            env=dict(part.environment),
            cwd=paths.repository(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def guard_pid(self) -> int:
        return self._guard.pid

    @property
    def pid(self) -> int | None:
        """The part's own process, its guard's first child; None while there is none."""
        try:
            children = psutil.Process(self._guard.pid).children()
            return min(children, key=psutil.Process.create_time).pid if children else None
        except psutil.Error:
            return None

    def last_lines(self, count: int) -> tuple[str, ...]:
        """The end of what this run has written."""
        return tuple(self._tail.decode(errors="replace").splitlines()[-count:])

    async def ended(self) -> int:
        """Waits for the end; returns the exit status, 128 + N for signal N."""
        return await asyncio.shield(self._end)

    async def stop(self) -> None:
        """Asks the part to end and waits for it; after `stop_within_s` its guard kills it.

        Cancelled while it waits, it kills at once and still waits: nothing is left behind.
        """
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(self._part.stop_within_s + _GUARD_MARGIN_S):
                await self.ended()
        except TimeoutError:  # the guard itself hangs
            self._signal(signal.SIGKILL)
            await self.ended()
        except asyncio.CancelledError:
            self.kill()
            await self.ended()
            raise

    def kill(self) -> None:
        """Has the guard kill the part and all it started, without asking."""
        self._signal(signal.SIGQUIT)

    async def _until_end(self) -> int:
        copying = asyncio.create_task(self._copy_output())
        status = await self._guard.wait()
        if status < 0:  # the guard itself was killed: end what it guarded
            self._signal(signal.SIGKILL)
        # Nobody is left who writes; unless a killed guard has left a runaway, which is not awaited.
        await asyncio.wait({copying}, timeout=_LAST_OUTPUT_S)
        copying.cancel()
        return status if status >= 0 else 128 - status

    async def _copy_output(self) -> None:
        while chunk := await self._output.read(_BLOCK_BYTES):
            self._log.write(chunk)
            self._tail = (self._tail + chunk)[-_TAIL_BYTES:]

    def _signal(self, number: signal.Signals) -> None:
        """To the guard alone, or with SIGKILL to its whole process group."""
        try:
            if number is signal.SIGKILL:
                os.killpg(self._guard.pid, number)
            else:
                os.kill(self._guard.pid, number)
        except ProcessLookupError:
            return


def exit_reason(status: int) -> str:
    """What an exit status means, in words."""
    if status > 128:
        try:
            return f"killed by {signal.Signals(status - 128).name}"
        except ValueError:
            return f"exit status {status}"
    return f"exit status {status}"
