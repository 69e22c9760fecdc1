"""The workers as they were last read from Redis, for who begins while it is away."""

import logging
import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from parley.discovery.lease import Lease

_LEASES = TypeAdapter(dict[str, Lease])

_log = logging.getLogger(__name__)


class LastKnown:
    """A file that every reader of the same Redis on this machine keeps up to date."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._written: dict[str, Lease] | None = None

    def read(self) -> dict[str, Lease]:
        """Leases by worker; none where none were ever known."""
        try:
            return _LEASES.validate_json(self._file.read_bytes())
        except (OSError, ValidationError):
            return {}

    def write(self, leases: Mapping[str, Lease]) -> None:
        """Replaces the file whole; one that cannot be written costs the memory, nothing else."""
        if self._written == leases:
            return
        self._written = dict(leases)
        staged = self._file.with_suffix(f".{os.getpid()}")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            staged.write_bytes(_LEASES.dump_json(self._written))
            staged.replace(self._file)
        except OSError as error:
            _log.warning("the known workers cannot be remembered: %s", error)
