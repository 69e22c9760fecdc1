"""The files of prometheus-client's multiprocess mode, with their room on the disk taken first.

It maps sparse files: where the disk is full, the first write into such a page kills the process
(SIGBUS), and with it the call. `use_allocated_files` has every file allocated before it is mapped;
what has no room is counted in memory, and nobody sees it.
"""

import mmap
import os
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from prometheus_client import mmap_dict, values

_KEY_OVERHEAD_BYTES = 32
"""Of an entry, beside its key: its length, padding, and two doubles."""


def use_allocated_files() -> None:
    """For all metrics of this process and of those forked from it; before any is made."""
    # The class is looked up when a process writes its first value: there is no other seam.
    values.MmapedDict = AllocatedDict  # type: ignore[attr-defined]


class AllocatedDict(mmap_dict.MmapedDict):
    """Values of metrics in a mapped file all of whose pages exist, or in memory."""

    def __init__(self, filename: str, read_mode: bool = False) -> None:
        if read_mode or _allocated(Path(filename), mmap_dict._INITIAL_MMAP_SIZE):
            super().__init__(filename, read_mode)  # type: ignore[no-untyped-call]
            return
        self._f: BinaryIO | None = None  # type: ignore[assignment]
        self._fname = filename
        self._capacity = mmap_dict._INITIAL_MMAP_SIZE
        self._m = mmap.mmap(-1, self._capacity)
        self._positions: dict[str, int] = {}
        self._used = 8
        mmap_dict._pack_integer(self._m, 0, self._used)

    @property
    def is_on_disk(self) -> bool:
        """False once there was no room for it: what is written then is for this process alone."""
        return self._f is not None

    def add(self, sums: Mapping[str, float]) -> bool:
        """Adds to the values of these keys, to all or, where there is no room, to none."""
        before = {key: self.read_value(key)[0] for key in sums}  # type: ignore[no-untyped-call]
        if not self.is_on_disk:
            return False
        for key, value in sums.items():
            self.write_value(key, before[key] + value, 0.0)  # type: ignore[no-untyped-call]
        return True

    def close(self) -> None:
        super().close()  # type: ignore[no-untyped-call]

    def _init_value(self, key: str) -> None:
        while self._used + len(key.encode()) + _KEY_OVERHEAD_BYTES > self._capacity:
            self._grow()
        super()._init_value(key)  # type: ignore[no-untyped-call]

    def _grow(self) -> None:
        grown = 2 * self._capacity
        if self._f is not None:
            try:
                os.posix_fallocate(self._f.fileno(), 0, grown)
                self._m, self._capacity = mmap.mmap(self._f.fileno(), grown), grown
                return
            except OSError:
                self._f.close()
                self._f = None
        memory = mmap.mmap(-1, grown)
        memory[: self._capacity] = self._m[:]
        self._m, self._capacity = memory, grown


def _allocated(file: Path, size: int) -> bool:
    """Whether all of the file exists, made now where it did not; leaves no half of one."""
    try:
        with file.open("ab") as stream:
            if os.fstat(stream.fileno()).st_size:
                return True
            try:
                os.posix_fallocate(stream.fileno(), 0, size)
            except OSError:
                file.unlink(missing_ok=True)
                return False
    except OSError:
        return False
    return True
