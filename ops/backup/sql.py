"""SQL databases as parts of a backup: SQLite by its own copy, PostgreSQL by pg_dump."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.engine import URL, make_url

from ops.backup.part import BackupError

_DUMP = "database.dump"
_TOOL_S = 3600.0


@dataclass(frozen=True)
class SqliteFiles:
    """The databases `*.db` of a folder, or the one file; also while they are written to."""

    name: str
    place: Path

    def save(self, folder: Path) -> str:
        told = []
        for file in self._files():
            try:
                with (
                    closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as source,
                    closing(sqlite3.connect(folder / file.name)) as copy,
                ):
                    source.backup(copy)
            except sqlite3.Error as error:
                raise BackupError(f"{self.name}: {file}: {error}") from None
            told.append(file.name)
        return ", ".join(told) or "none"

    def restore(self, folder: Path) -> str:
        for file in self._files():
            for suffix in ("", "-wal", "-shm", "-journal"):
                file.with_name(file.name + suffix).unlink(missing_ok=True)
        kept = sorted(folder.iterdir())
        target = self.place if not kept or self.place.suffix != ".db" else self.place.parent
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        for file in kept:
            shutil.copy2(file, target / file.name)
            (target / file.name).chmod(0o600)
        return ", ".join(file.name for file in kept) or "none"

    def _files(self) -> list[Path]:
        if self.place.suffix == ".db":
            return [self.place] if self.place.is_file() else []
        return sorted(self.place.glob("*.db"))


@dataclass(frozen=True)
class PostgresDatabase:
    """A whole database; needs pg_dump and pg_restore of the server's version or a newer one.

    `url` holds the password.
    """

    name: str
    url: str = field(repr=False)

    def save(self, folder: Path) -> str:
        self._run("pg_dump", "--format=custom", f"--file={folder / _DUMP}")
        return f"{(folder / _DUMP).stat().st_size / 1e6:.1f} MB"

    def restore(self, folder: Path) -> str:
        """In one transaction: all of it, or nothing."""
        how = ("--clean", "--if-exists", "--no-owner", "--single-transaction")
        self._run("pg_restore", *how, str(folder / _DUMP))
        return f"{(folder / _DUMP).stat().st_size / 1e6:.1f} MB"

    def _run(self, program: str, *arguments: str) -> None:
        url = make_url(self.url)
        found = shutil.which(program)
        if found is None:
            raise BackupError(
                f"{self.name}: {program} is not on PATH (Debian: apt-get install postgresql-client)"
            )
        target = URL.create(
            "postgresql", url.username, None, url.host, url.port, url.database, url.query
        )
        command = [found, f"--dbname={target.render_as_string()}", *arguments]
        environment = os.environ | ({"PGPASSWORD": str(url.password)} if url.password else {})
        ended = _ended(command, environment)
        if ended.returncode != 0:
            said = ended.stderr.strip().splitlines() or ["it said nothing"]
            raise BackupError(f"{self.name}: {program}: {said[-1]}")


def _ended(
    command: Sequence[str], environment: dict[str, str]
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=_TOOL_S, check=False
    )
