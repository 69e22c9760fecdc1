"""What the parts of a running Parley use while it is under load, as the kernel counts it."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import psutil

SAMPLE_EVERY_S = 5.0
"""Reading the page tables of every process takes a tenth of a second of a core."""


@dataclass(frozen=True)
class PartSample:
    """CPU since the sample before, 100 for one core; memory as PSS: shared pages are shared out."""

    at_s: float
    cpu_percent: float
    memory_mb: float
    processes: int


@dataclass
class PartUse:
    """A part with all its child processes: the agent's are its calls."""

    name: str
    pid: int
    samples: list[PartSample] = field(default_factory=list)
    _cpu_s: dict[int, float] = field(default_factory=dict)

    def sample(self, at_s: float, elapsed_s: float) -> None:
        """Notes what was used in the `elapsed_s` before; a part that is gone uses nothing."""
        cpu_s, memory, before, self._cpu_s = 0.0, 0, self._cpu_s, {}
        for process in _tree(self.pid):
            try:
                times = process.cpu_times()
                memory += _pss(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
            self._cpu_s[process.pid] = times.user + times.system
            cpu_s += self._cpu_s[process.pid] - before.get(process.pid, 0.0)
        if before or not self.samples:
            percent = 100 * cpu_s / elapsed_s if before else 0.0
            self.samples.append(
                PartSample(at_s, round(percent, 1), round(memory / 1e6, 1), len(self._cpu_s))
            )

    @property
    def cpu_percent(self) -> float:
        """The mean, without the first sample, which has nothing to compare with."""
        measured = [sample.cpu_percent for sample in self.samples[1:]]
        return round(sum(measured) / len(measured), 1) if measured else 0.0

    @property
    def memory_mb(self) -> float:
        return max((sample.memory_mb for sample in self.samples), default=0.0)

    @property
    def memory_before_mb(self) -> float:
        return self.samples[0].memory_mb if self.samples else 0.0


def parts_of(pids: Mapping[str, int]) -> "list[PartUse]":
    """Nothing is known of them yet. The caller's own process, which makes the load, is a part as
    well."""
    return [*(PartUse(name, pid) for name, pid in pids.items()), PartUse("callers", os.getpid())]


async def sample_parts(parts: "Sequence[PartUse]", clock: Callable[[], float]) -> None:
    """Samples the parts until it is cancelled."""
    began_s = before_s = clock()
    while True:
        now_s = clock()
        for part in parts:
            # Reading page tables takes its time: not in the loop that speaks.
            await asyncio.to_thread(
                part.sample, round(now_s - began_s, 1), max(now_s - before_s, 0.01)
            )
        before_s = now_s
        await asyncio.sleep(SAMPLE_EVERY_S)


def _tree(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _pss(process: psutil.Process) -> int:
    full = process.memory_full_info()
    return int(getattr(full, "pss", full.rss))
