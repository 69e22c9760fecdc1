"""The machine a figure was measured on, and what else kept it busy meanwhile."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil


@dataclass(frozen=True)
class Machine:
    processor: str
    cores: int
    memory_gb: float

    @classmethod
    def this(cls) -> "Machine":
        memory_gb = round(psutil.virtual_memory().total / 1e9, 1)
        return cls(_processor(), os.cpu_count() or 1, memory_gb)


class ForeignLoad:
    """Measures, between entering and leaving, how busy others kept the machine.

    `percent` (100: all cores) is the busy time less that of this process and the children it
    has waited for.
    """

    def __enter__(self) -> Self:
        self._busy_s, self._all_s, self._own_s = _times()
        self.percent = 0.0
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        busy_s, all_s, own_s = _times()
        foreign_s = (busy_s - self._busy_s) - (own_s - self._own_s)
        self.percent = round(max(0.0, 100 * foreign_s / max(all_s - self._all_s, 1e-9)), 1)


def _times() -> tuple[float, float, float]:
    """Seconds of CPU time: busy, altogether, and our own."""
    machine = psutil.cpu_times()
    idle_s = machine.idle + getattr(machine, "iowait", 0.0)
    # Guest time is part of user time.
    all_s = sum(machine) - getattr(machine, "guest", 0.0) - getattr(machine, "guest_nice", 0.0)
    own = os.times()
    return all_s - idle_s, all_s, sum(own[:4])


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
