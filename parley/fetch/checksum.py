"""Checksums of files."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from parley.errors import FetchError

BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Checksum:
    """What a file's bytes must hash to: `algorithm` sha256, or md5 where no sha256 is published."""

    algorithm: Literal["sha256", "md5"]
    hex: str

    def hasher(self) -> "hashlib._Hash":
        """A new hash object of this algorithm."""
        return hashlib.new(self.algorithm, usedforsecurity=False)

    def check(self, found: str, *, what: str) -> None:
        """Raises FetchError, naming `what` and both sums, unless `found` is this sum."""
        if found != self.hex:
            raise FetchError(
                f"{what} is not what it should be: its {self.algorithm} is {found}, "
                f"expected {self.hex}; it was not kept"
            )


def digest(file: Path, checksum: Checksum) -> str:
    """The hex digest of `file` by the checksum's algorithm."""
    hasher = checksum.hasher()
    with file.open("rb") as stream:
        while block := stream.read(BLOCK_BYTES):
            hasher.update(block)
    return hasher.hexdigest()
