"""SQLite files that several processes may open at once, and that their owner alone can read."""

import os
import sqlite3
import tempfile
from contextlib import closing, suppress
from pathlib import Path


def make_sqlite_file(file: Path) -> None:
    """Makes the file, readable by its owner alone (what people say is personal) and with a
    write-ahead log, before anybody else sees it: of several that turn the log on at once, SQLite
    lets all but one fail without waiting. Raises OSError.

    SQLite gives the files beside it the same mode. One that is there is left as it is, and is
    not opened: closing it would drop the locks that this process holds on it (SQLite,
    "How To Corrupt An SQLite Database File", 2.2).
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.exists():
        return
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=f".{file.name}.") as staging:
        made = Path(staging) / file.name
        made.touch(mode=0o600)
        with closing(sqlite3.connect(made)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
        with suppress(FileExistsError):
            os.link(made, file)
