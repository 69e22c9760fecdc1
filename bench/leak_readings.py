"""What the processes and folders of a Parley hold at one moment.

Memory is anonymous memory, in RAM or swapped out: heaps and stacks, which is where leaks are. What
is mapped from files (libraries, models) comes and goes with the page cache and with other
programs that map the same, as it would in PSS.
"""

import re
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

METRICS_TIMEOUT_S = 10.0
FOLDERS = ("logs", "sessions", "state", "temporary")
_ANONYMOUS = re.compile(r"^(?:RssAnon|VmSwap):\s+(\d+) kB$", re.MULTILINE)
_TASKS = re.compile(r"^event_loop_tasks (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class PartReading:
    """A part with all its child processes. `tasks` None: it does not tell."""

    memory_kb: float
    threads: int
    descriptors: int
    processes: int
    tasks: float | None = None


@dataclass(frozen=True)
class FolderReading:
    files: int
    disk_kb: float
    """Taken on the disk: a sparse file has holes."""


def read_part(pid: int, *, metrics_url: str | None = None) -> PartReading:
    """Of the process and all under it; nothing where it has gone."""
    memory_kb = threads = descriptors = processes = 0
    for process in _tree(pid):
        with suppress(psutil.Error, OSError):
            status = Path(f"/proc/{process.pid}/status").read_text("utf-8")
            count, open_count = process.num_threads(), process.num_fds()
            memory_kb += sum(map(int, _ANONYMOUS.findall(status)))
            threads, descriptors = threads + count, descriptors + open_count
            processes += 1
    tasks = _tasks(metrics_url) if metrics_url is not None else None
    return PartReading(memory_kb, threads, descriptors, processes, tasks)


def read_folders(state: Path, scratch: Path) -> dict[str, FolderReading]:
    """By what is kept there: logs (which are rotated), sessions (which are kept for some days),
    whatever else is in the state folder, and the parts' temporary files."""
    groups: dict[str, list[int]] = {name: [] for name in FOLDERS}
    for file in (*state.rglob("*"), *scratch.rglob("*")):
        with suppress(OSError):
            if file.is_file():
                groups[_group(file, state)].append(file.lstat().st_blocks)
    return {name: FolderReading(len(b), sum(b) * 512 / 1000) for name, b in groups.items()}


def _group(file: Path, state: Path) -> str:
    if not file.is_relative_to(state):
        return "temporary"
    if file.is_relative_to(state / "logs"):
        return "logs"
    return "sessions" if file.name.startswith("sessions.db") else "state"


def processes_under(pid: int) -> int:
    """How many there are, itself included."""
    return sum(1 for _ in _tree(pid))


def _tree(pid: int) -> Iterator[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        yield process
        yield from process.children(recursive=True)


def _tasks(url: str) -> float | None:
    try:
        with urllib.request.urlopen(url, timeout=METRICS_TIMEOUT_S) as answer:  # noqa: S310
            found = _TASKS.search(answer.read().decode())
    except OSError:
        return None
    return float(found[1]) if found else None
