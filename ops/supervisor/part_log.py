"""A part's log file: bounded by rotation, read from its end, followed as it grows."""

import os
from pathlib import Path
from typing import BinaryIO

from parley.private import open_private, private_folder

MAX_BYTES = 10 * 1024 * 1024
KEPT_FILES = 3
_BLOCK_BYTES = 64 * 1024


class PartLog:
    """Appends what a part writes; at `max_bytes` the file becomes `.1`, older ones move up."""

    def __init__(
        self, file: Path, *, max_bytes: int = MAX_BYTES, kept_files: int = KEPT_FILES
    ) -> None:
        self._file = file
        self._max_bytes = max_bytes
        self._kept_files = kept_files
        private_folder(file.parent)
        self._stream: BinaryIO = open_private(file, append=True)

    def write(self, chunk: bytes) -> None:
        """Appends `chunk`; what a full disk refuses is lost, so that the part can go on."""
        try:
            self._stream.write(chunk)
            self._stream.flush()
            if self._stream.tell() >= self._max_bytes:
                self._rotate()
        except OSError:
            return

    def close(self) -> None:
        self._stream.close()

    def _rotate(self) -> None:
        for number in range(self._kept_files, 0, -1):
            older = self._numbered(number - 1)
            if older.exists():
                older.replace(self._numbered(number))
        full, self._stream = self._stream, open_private(self._file, append=True)
        full.close()

    def _numbered(self, number: int) -> Path:
        return self._file.with_name(f"{self._file.name}.{number}") if number else self._file


def last_lines(file: Path, count: int, *, since: int = 0) -> list[str]:
    """The last `count` lines of `file` from the byte `since` on; none where it does not exist."""
    if count <= 0 or not file.exists():
        return []
    with file.open("rb") as stream:
        position = stream.seek(0, os.SEEK_END)
        data = b""
        while position > since and data.count(b"\n") <= count:
            step = min(_BLOCK_BYTES, position - since)
            position -= step
            stream.seek(position)
            data = stream.read(step) + data
    return data.decode(errors="replace").splitlines()[-count:]


class LogFollower:
    """Reads the lines that are appended to `file` from now on, through rotations."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stream: BinaryIO | None = None
        self._partial = b""
        if file.exists():
            self._stream = file.open("rb")
            self._stream.seek(0, os.SEEK_END)

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()

    def new_lines(self) -> list[str]:
        """The whole lines written since the last call."""
        unread = self._stream.read() if self._stream is not None else b""
        if self._file.exists() and not self._is_open(self._file):
            self.close()
            self._stream = self._file.open("rb")
            unread += self._stream.read()
        *lines, self._partial = (self._partial + unread).split(b"\n")
        return [line.decode(errors="replace") for line in lines]

    def _is_open(self, file: Path) -> bool:
        return self._stream is not None and os.path.samestat(
            os.fstat(self._stream.fileno()), file.stat()
        )
