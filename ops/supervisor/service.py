"""One run of Parley from its first part to the end of its last; recorded for other commands."""

import asyncio
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

from ops.supervisor.part import Part
from ops.supervisor.processes import ProcessIdentity
from ops.supervisor.record import (
    LEFTOVERS_END_WITHIN_S,
    PartRecord,
    RecordFile,
    StackRecord,
    await_leftovers,
    the_only_supervisor,
)
from ops.supervisor.supervisor import PartStatus, Supervisor, UntilPrepared, already
from parley.errors import ParleyError
from parley.settings.port_offset import port_offset

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Service:
    """Runs parts until a signal asks it to end; a second one kills.

    `app` and `apps` are for the record. `make_parts` is called once the place is ours and what an
    earlier run left has ended. `on_change` hears of every change of a part, `on_ready` once that
    all are ready, `on_stop` that a signal has come. `until_prepared` is awaited before a part is
    started for the first time.
    """

    def __init__(  # noqa: PLR0913 - what it runs, and who is told
        self,
        state_dir: Path,
        page_url: str,
        make_parts: Callable[[], list[Part]],
        *,
        app: str = "",
        apps: Mapping[str, str] | None = None,
        on_change: Callable[[PartStatus], None],
        on_ready: Callable[[StackRecord], None],
        on_stop: Callable[[], None] = lambda: None,
        until_prepared: UntilPrepared = already,
    ) -> None:
        self._state_dir = state_dir
        self._make_parts = make_parts
        self._on_change = on_change
        self._on_ready = on_ready
        self._on_stop = on_stop
        self._until_prepared = until_prepared
        self._file = RecordFile(state_dir)
        identity = ProcessIdentity.of(os.getpid())
        assert identity is not None
        self._record = StackRecord(
            supervisor=identity,
            page_url=page_url,
            app=app,
            apps=dict(apps or {}),
            port_offset=port_offset(os.environ),
        )
        self._has_been_ready = False

    def run(self) -> bool:
        """Blocks until the end; whether all parts were ready before it.

        Raises ParleyError, recorded too, when a part could not be started.
        """
        with the_only_supervisor(self._state_dir):
            earlier = self._file.read()
            self._file.write(self._record)
            try:
                await_leftovers(earlier, within_s=LEFTOVERS_END_WITHIN_S)
                asyncio.run(self._serve(self._make_parts()))
            except ParleyError as error:
                self._write(failure=str(error))
                raise
            if not self._has_been_ready:
                self._write(failure="it was stopped before all parts were ready")
        return self._has_been_ready

    async def _serve(self, parts: list[Part]) -> None:
        stop = asyncio.Event()

        def ask_to_stop() -> None:
            if stop.is_set():
                supervisor.kill()
            stop.set()
            self._on_stop()

        def note(status: PartStatus) -> None:
            pairs = zip(parts, supervisor.status, strict=True)
            self._write(parts=tuple(PartRecord.of(part, now) for part, now in pairs))
            self._on_change(status)

        supervisor = Supervisor(
            parts,
            log_dir=self._state_dir / "logs",
            on_change=note,
            until_prepared=self._until_prepared,
        )
        for number in _STOP_SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, ask_to_stop)
        async with supervisor:
            await supervisor.serve(stop, on_ready=self._all_ready)

    def _all_ready(self) -> None:
        self._has_been_ready = True
        self._on_ready(self._record)

    def _write(self, **changes: object) -> None:
        self._record = self._record.model_copy(update=changes)
        self._file.write(self._record)
