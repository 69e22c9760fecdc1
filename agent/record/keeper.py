"""Looks after records whose calls have ended: to the bucket with them, and away with old ones.

Runs in the agent server, which outlives its calls: the record of a process that was killed is ended
here, and a bucket that is away is tried again.
"""

import asyncio
import fcntl
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from parley.records.folder import FolderRecords
from parley.records.lines import FILES, LINES_FILE, CallEnded, RecordingStopped, parse
from parley.records.store import (
    RecordNotFoundError,
    RecordStore,
    RecordStoreError,
    is_bucket,
    local_folder,
    open_records,
    out_of_time,
)
from parley.settings.record import RecordSection

LOOKS_EVERY_S = 5.0
TIDIES_EVERY_S = 600.0
COMPLAINS_EVERY_S = 60.0

_log = logging.getLogger(__name__)


class RecordKeeper:
    """Of one agent server. `look` blocks."""

    def __init__(self, settings: RecordSection) -> None:
        """Raises ConfigurationError where the place of the records cannot be used."""
        self._settings = settings
        self._local = FolderRecords(local_folder(settings))
        self._store: RecordStore = open_records(settings)
        self._uploads = is_bucket(settings)
        self._over: set[str] = set()
        """Records here that no process writes any more."""
        self._tidied_s: float | None = None
        self._complained_s: float | None = None

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await asyncio.to_thread(self.look)
            await asyncio.sleep(LOOKS_EVERY_S)

    def look(self) -> None:
        """Once; what fails is tried again the next time."""
        try:
            here = self._local.ids()
            self._over.intersection_update(here)
            self._over.update(each for each in here if each in self._over or self._is_over(each))
            now_s = time.monotonic()
            if self._tidied_s is None or now_s - self._tidied_s >= TIDIES_EVERY_S:
                self._tidied_s = now_s
                self._tidy()
            for each in sorted(self._over) if self._uploads else ():
                self._upload(each)
        except (RecordStoreError, OSError) as error:
            self._complain(error)

    def _is_over(self, record_id: str) -> bool:
        """Whether no process writes it any more; then its lines are ended."""
        file = self._local.folder / record_id / LINES_FILE
        try:
            with file.open("r+b") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _end(file)
        except BlockingIOError:
            return False
        except FileNotFoundError:  # its call has just begun
            return False
        return True

    def _upload(self, record_id: str) -> None:
        for file in FILES:
            source = self._local.folder / record_id / file
            if source.exists():
                self._store.put(record_id, file, source)
        self._local.delete(record_id)

    def _tidy(self) -> None:
        """Deletes what is too old or too much; where the bucket is away, of what waits for it."""
        for store in (self._local, self._store) if self._uploads else (self._local,):
            for each in out_of_time(store.sizes(), self._settings):
                if store is self._store or each in self._over:
                    store.delete(each)
                    _log.info("the record %s is deleted: it is too old, or too much is kept", each)

    def _complain(self, error: Exception) -> None:
        now_s = time.monotonic()
        if self._complained_s is None or now_s - self._complained_s >= COMPLAINS_EVERY_S:
            self._complained_s = now_s
            _log.error("records are not kept as they should be, and tried again: %s", error)


@asynccontextmanager
async def keeping(settings: RecordSection) -> AsyncIterator[None]:
    """Looks after records as long as the block lasts, also of a recording that is off by now.

    Raises ConfigurationError where the place of the records cannot be used.
    """
    if not settings.enabled and not local_folder(settings).exists():
        yield
        return
    task = asyncio.create_task(RecordKeeper(settings).run(), name="record-keeper")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _end(file: Path) -> None:
    """Says that the process has died, where it did not end the record itself."""
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        raise RecordNotFoundError(f"{file} is gone") from None
    lines = list(parse(content.splitlines()))
    if lines and isinstance(lines[-1], CallEnded | RecordingStopped):
        return
    at_s = max((line.at_s for line in lines), default=file.stat().st_mtime)
    with file.open("ab") as stream:
        stream.write(b"" if content.endswith(b"\n") or not content else b"\n")
        stream.write(CallEnded(at_s=at_s, why="lost").model_dump_json().encode() + b"\n")
