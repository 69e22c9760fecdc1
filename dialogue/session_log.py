"""The log of a session: at hand at once, and written to the store behind the conversation."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from dialogue.sessions.store import (
    SessionRecord,
    SessionStore,
    SessionStoreError,
)
from parley.app.session import AnyEntry
from parley.clock import Clock, monotonic

SAME_WARNING_EVERY_S = 60.0
"""A store that is away fails every write, of which a call has two a second."""

_log = logging.getLogger(__name__)


class StoredLog:
    """A SessionLog whose entries reach the store in order, soon after they were added.

    Where the store fails the conversation goes on: what was not written is tried again with the
    next entry and at the end. A session that somebody has deleted is not written again.
    `on_store_lost` is called the first time, `created` says that the store has the session. The
    log of the process says when it begins, once a minute while it lasts, and when it is over.
    """

    def __init__(
        self,
        store: SessionStore,
        record: SessionRecord,
        entries: Sequence[AnyEntry] = (),
        *,
        created: bool = True,
        on_store_lost: Callable[[SessionStoreError], None] | None = None,
        clock: Clock = monotonic,
    ) -> None:
        self._store = store
        self._record = record
        self._entries = list(entries)
        self._written = len(self._entries)
        self._on_store_lost = on_store_lost
        self._created = created
        self._clock = clock
        self._was_lost = False
        self._warned_at_s: float | None = None
        self._writing: asyncio.Task[None] | None = None

    @property
    def entries(self) -> Sequence[AnyEntry]:
        return self._entries

    def append(self, *entries: AnyEntry) -> None:
        self._entries += entries
        self._begin()

    async def flush(self) -> None:
        """Returns once everything is in the store, or the store has failed once more."""
        if self._writing is not None:
            await asyncio.wait({self._writing})
        if self._written < len(self._entries):
            await asyncio.wait({self._begin()})

    def lost(self, error: SessionStoreError) -> None:
        """Logs that the store fails, and tells it the first time."""
        now_s = self._clock()
        if self._warned_at_s is None or now_s - self._warned_at_s >= SAME_WARNING_EVERY_S:
            self._warned_at_s = now_s
            _log.warning("session %s is not kept: %s", self._record.id, error)
        if not self._was_lost and self._on_store_lost is not None:
            self._on_store_lost(error)
        self._was_lost = True

    def _kept(self) -> None:
        if self._warned_at_s is not None:
            self._warned_at_s = None
            _log.info("session %s is kept again", self._record.id)

    def _begin(self) -> asyncio.Task[None]:
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write(), name="write the session's log")
        return self._writing

    async def _write(self) -> None:
        while self._written < len(self._entries):
            entries = self._entries[self._written :]
            try:
                await self._append(entries)
            except SessionStoreError as error:
                self.lost(error)
                return
            self._kept()
            self._written += len(entries)

    async def _append(self, entries: Sequence[AnyEntry]) -> None:
        if not self._created:
            await self._store.create(self._record)
            self._created = True
        await self._store.append(self._record.id, entries)
