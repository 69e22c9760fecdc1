"""Files that their owner alone may read: keys, logs, what people said."""

import fcntl
import os
from pathlib import Path
from typing import BinaryIO

_OWNER_ONLY = 0o600


def private_folder(folder: Path) -> None:
    """Makes the folder, if it is not there, for its owner alone; one that is there stays as is."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def write_private(file: Path, text: str) -> None:
    """Replaces the file whole by one that its owner alone can read."""
    staged = file.with_name(f".{file.name}.{os.getpid()}")
    with open_private(staged, append=False) as stream:
        stream.write(text.encode())
    staged.replace(file)


def open_locked(file: Path, content: bytes = b"") -> BinaryIO:
    """A new private file, locked before anybody can see it: whoever finds it unlocked may know
    that the process that made it is gone."""
    staged = file.with_name(f".{file.name}.{os.getpid()}")
    stream = open_private(staged, append=False)
    try:
        fcntl.flock(stream, fcntl.LOCK_EX)
        stream.write(content)
        stream.flush()
        staged.replace(file)
    except BaseException:
        stream.close()
        staged.unlink(missing_ok=True)
        raise
    return stream


def open_private(file: Path, *, append: bool) -> BinaryIO:
    """Opens the file to write; others can read it no longer, also where it was there before."""
    how = os.O_APPEND if append else os.O_TRUNC
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | how, _OWNER_ONLY)
    if os.fstat(descriptor).st_uid == os.geteuid():
        os.fchmod(descriptor, _OWNER_ONLY)
    return os.fdopen(descriptor, "ab" if append else "wb")
