"""The control group that this process is in (cgroup v2): what it may use of its machine."""

import math
import os
from collections.abc import Sequence
from pathlib import Path


def own_groups(
    cgroups: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")
) -> tuple[Path, ...]:
    """The folders of this process's group and of those around it, innermost first; none where the
    system has none."""
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except OSError:
        return ()
    for line in lines:
        if line.startswith("0::"):
            group = Path(line.removeprefix("0::").strip("/"))
            return tuple(cgroups / folder for folder in (group, *group.parents))
    return ()


def usable_cores(groups: Sequence[Path] | None = None) -> int:
    """As many as this process may keep busy: those it may run on, or its groups' share of time in
    whole cores where that is less; at least 1."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    shares = [_share(group) for group in (own_groups() if groups is None else groups)]
    return max(1, int(min(cores or 1, *shares, math.inf)))


def memory_left(groups: Sequence[Path] | None = None) -> float:
    """Bytes that may still be taken; infinity where nothing but the machine bounds them."""
    left = [_left(group) for group in (own_groups() if groups is None else groups)]
    return min(left, default=math.inf)


def _share(group: Path) -> float:
    """Cores' worth of time."""
    try:
        quota_us, period_us = (group / "cpu.max").read_text(encoding="ascii").split()
        return int(quota_us) / int(period_us)
    except (OSError, ValueError):  # none, or "max"
        return math.inf


def _left(group: Path) -> float:
    try:
        limit = int((group / "memory.max").read_text(encoding="ascii"))
        return max(0, limit - int((group / "memory.current").read_text(encoding="ascii")))
    except (OSError, ValueError):  # none, or "max"
        return math.inf
