"""Processes of this machine: who one is (a pid may be used again), what a tree of them takes."""

import os
import select
import signal
from pathlib import Path
from typing import Self

import psutil
from pydantic import BaseModel, ConfigDict

_STATE, _START_TICKS = 0, 19  # fields of /proc/PID/stat, counted after the name


class ProcessIdentity(BaseModel):
    """A process and when it started, in clock ticks since boot: together they name one for good."""

    model_config = ConfigDict(frozen=True)

    pid: int
    started_ticks: int

    @classmethod
    def of(cls, pid: int) -> Self | None:
        """The process that has `pid` now; None when there is none or it has ended."""
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return None
        fields = stat.rpartition(")")[2].split()  # the name in parentheses may hold anything
        if fields[_STATE] in ("Z", "X"):
            return None
        return cls(pid=pid, started_ticks=int(fields[_START_TICKS]))

    @property
    def is_alive(self) -> bool:
        return type(self).of(self.pid) == self

    def end(self, number: signal.Signals | None, *, within_s: float) -> bool:
        """Sends the signal, if any, and waits for the end; whether it has ended in time.

        Raises PermissionError for a process of another user.
        """
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return True
        try:
            if not self.is_alive:  # checked with the handle held: it is this one or none
                return True
            if number is not None:
                signal.pidfd_send_signal(handle, number)
            ended, _, _ = select.select([handle], [], [], within_s)
            return bool(ended)
        finally:
            os.close(handle)


def tree_memory_bytes(pid: int) -> int:
    """Memory of the process and all below it, pages that they share counted once (PSS)."""
    try:
        root = psutil.Process(pid)
        processes = [root, *root.children(recursive=True)]
    except psutil.Error:
        return 0
    return sum(_memory_bytes(process) for process in processes)


def _memory_bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.Error:
        return 0
