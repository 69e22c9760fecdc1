"""Which calls an agent server has, written down so that its successor knows whom it has lost.

A killed server says goodbye to nobody, and LiveKit keeps its agents in their rooms for 20 s. Each
server writes a file of its own and holds its lock, which the kernel frees when it dies: whoever
can take the lock finds the calls of one that has gone, and takes the file away.
"""

import fcntl
import json
import logging
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from parley.private import open_locked

_PREFIX = "agent-calls-"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BookedCall:
    """A call of an agent server, and its agent's identity in the room."""

    room: str
    identity: str
    dispatch_id: str


class JobBook:
    """The calls of this process in `folder`, which others may share; `close` it at the end."""

    def __init__(self, folder: Path) -> None:
        """A folder that cannot be written costs the book, and is logged."""
        self._folder = folder
        # In containers process ids come again.
        self._file = folder / f"{_PREFIX}{os.getpid()}-{secrets.token_hex(4)}.json"
        self._calls: dict[str, BookedCall] = {}
        self._stream: BinaryIO | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._stream = open_locked(self._file)
        except OSError as error:
            _log.warning("%s cannot be written: %s", self._file, error.strerror)

    def begun(self, call: BookedCall) -> None:
        self._calls[call.room] = call
        self._write()

    def ended(self, room: str) -> None:
        """A call that is not in the book is no error."""
        if self._calls.pop(room, None) is not None:
            self._write()

    def left_behind(self) -> list[BookedCall]:
        """The calls of servers that have died; whoever asks first has to see to them."""
        return [
            call
            for file in self._folder.glob(f"{_PREFIX}*.json")
            if file != self._file
            for call in _inherited(file)
        ]

    def close(self) -> None:
        """The server has ended its calls itself."""
        if self._stream is not None:
            with suppress(OSError):
                self._file.unlink(missing_ok=True)
            self._stream.close()
            self._stream = None

    def _write(self) -> None:
        if self._stream is None:
            return
        told = json.dumps([asdict(call) for call in self._calls.values()]).encode()
        try:
            os.pwrite(self._stream.fileno(), told, 0)
            os.ftruncate(self._stream.fileno(), len(told))
        except OSError as error:
            _log.warning("%s cannot be written: %s", self._file, error.strerror)


def _inherited(file: Path) -> Iterator[BookedCall]:
    try:
        with file.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.fstat(stream.fileno()).st_nlink:
                return  # it has been closed since it was opened
            told = json.loads(stream.read() or b"[]")
            file.unlink(missing_ok=True)
        yield from [BookedCall(**call) for call in told]
    except BlockingIOError:
        return  # its server lives
    except (OSError, ValueError, TypeError) as error:  # gone meanwhile, or half written
        _log.warning("%s cannot be read: %s", file, error)
