"""What a part of an installation has to be able to do, to be in a backup."""

from pathlib import Path
from typing import Protocol

from parley.errors import ParleyError


class BackupError(ParleyError):
    """A backup that cannot be made, read, or put back; nothing was changed unless it says so."""


class BackupPart(Protocol):
    """`name` is its folder in the archive, and what people are told."""

    @property
    def name(self) -> str: ...

    def save(self, folder: Path) -> str:
        """Writes all of it into the empty folder; what that was, in words. Raises BackupError."""
        ...

    def restore(self, folder: Path) -> str:
        """Makes it what `folder` holds, also by deleting; what that was. Raises BackupError."""
        ...
