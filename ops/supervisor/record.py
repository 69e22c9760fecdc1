"""What a running supervisor writes down for `status`, `down`, `logs` and the next `up`."""

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from ops.supervisor.part import Part, PartState
from ops.supervisor.processes import ProcessIdentity
from ops.supervisor.supervisor import PartStatus
from parley.errors import ConfigurationError, SupervisorError
from parley.private import private_folder

_log = logging.getLogger(__name__)

LEFTOVERS_END_WITHIN_S = 20.0
"""Longer than the guards of a killed supervisor take."""


class PartRecord(BaseModel):
    """A part as its supervisor last saw it; `guard` is the process that ends it."""

    model_config = ConfigDict(frozen=True)

    name: str
    state: PartState
    pid: int | None
    guard: ProcessIdentity | None
    ports: tuple[int, ...]
    ready_url: str
    restarts: int
    reason: str

    @classmethod
    def of(cls, part: Part, status: PartStatus) -> "PartRecord":
        return cls(
            name=part.name,
            state=status.state,
            pid=status.pid,
            guard=ProcessIdentity.of(status.guard_pid) if status.guard_pid else None,
            ports=tuple(port.port for port in part.ports),
            ready_url=part.ready_url,
            restarts=status.restarts,
            reason=status.reason,
        )


class StackRecord(BaseModel):
    """One run of Parley; `failure` says why it ended, where it ended by failing."""

    model_config = ConfigDict(frozen=True)

    supervisor: ProcessIdentity
    page_url: str
    app: str = ""
    """Who answers, as the settings name it."""
    apps: dict[str, str] = {}
    """Who else may be asked for."""
    port_offset: int = 0
    """Added to the ports of the settings."""
    parts: tuple[PartRecord, ...] = ()
    failure: str = ""

    @property
    def is_running(self) -> bool:
        return self.supervisor.is_alive and not self.failure

    @property
    def are_all_ready(self) -> bool:
        return bool(self.parts) and all(part.state is PartState.READY for part in self.parts)


class RecordFile:
    """The record in `state_dir`, replaced whole at each change."""

    def __init__(self, state_dir: Path) -> None:
        self._file = state_dir / "supervisor.json"

    def read(self) -> StackRecord | None:
        """The last record; None where there is none that is one.

        Raises ConfigurationError where the state folder is none, or belongs to somebody else.
        """
        try:
            return StackRecord.model_validate_json(self._file.read_bytes())
        except (FileNotFoundError, ValidationError):
            return None
        except OSError as error:
            raise ConfigurationError(
                f"{self._file.parent} cannot be used ({error.strerror}): set PARLEY_STATE_DIR to a "
                "folder of your own"
            ) from None

    def running(self) -> StackRecord | None:
        """The record of the Parley that runs now; None where none does."""
        record = self.read()
        return record if record is not None and record.is_running else None

    def write(self, record: StackRecord) -> None:
        """A full disk costs the record, not the running parts: it is logged."""
        staged = self._file.with_suffix(".new")
        try:
            staged.write_text(record.model_dump_json(indent=2), encoding="utf-8")
            staged.replace(self._file)
        except OSError as error:
            _log.error("%s cannot be written: %s", self._file, error.strerror)


@contextmanager
def the_only_supervisor(state_dir: Path) -> Iterator[None]:
    """Holds the place of the one supervisor of `state_dir`; raises SupervisorError if it is taken.

    The kernel frees it when its holder dies, however it dies.
    """
    private_folder(state_dir)
    descriptor = os.open(state_dir / "supervisor.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SupervisorError(
                "Parley is being started or stopped already; `./run status` tells how it goes"
            ) from None
        yield
    finally:
        os.close(descriptor)


def await_leftovers(record: StackRecord | None, *, within_s: float) -> None:
    """Waits for parts whose supervisor was killed: their guards are just ending them.

    Raises SupervisorError for one that does not end.
    """
    for part in record.parts if record is not None else ():
        if part.guard is not None and not part.guard.end(None, within_s=within_s):
            raise SupervisorError(
                f"{part.name} of an earlier start does not end: kill PID {part.guard.pid}"
            )
