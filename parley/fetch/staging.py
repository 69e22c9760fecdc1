"""One fetch at a time across processes, and results that appear whole or not at all."""

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from parley.errors import FetchError

_UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR)


@contextmanager
def locked(target: Path) -> Iterator[None]:
    """Holds the lock of `target` (a folder or file of the cache) against other processes.

    The kernel frees it when its holder dies, however it dies.
    """
    with explained(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(target.parent / f".{target.name}.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """A new folder beside `target` to make it in; it and what killed fetches left are removed.

    Call it with the lock of `target` held, and rename the result into place inside it.
    """
    prefix = f".{target.name}.fetch-"
    for leftover in target.parent.glob(f"{prefix}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    with explained(target.parent):
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=target.parent))
    try:
        with explained(target.parent):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def resumed(target: Path) -> Iterator[Path]:
    """A folder beside `target` for what a fetch brings bit by bit: it stays where the fetch breaks
    off, for the next one to go on with, and goes when all is there, or where it is empty.

    Call it with the lock of `target` held.
    """
    folder = target.with_name(f".{target.name}.part")
    with explained(target.parent):
        folder.mkdir(exist_ok=True)
    try:
        yield folder
    except BaseException:
        with suppress(OSError):
            folder.rmdir()
        raise
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turns a full disk and a folder that cannot be written into a FetchError of one sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise FetchError(disk_full(folder)) from error
        if error.errno in _UNWRITABLE:
            raise FetchError(
                f"{error.filename or folder} cannot be written ({error.strerror}): give this user "
                "the right to, or set PARLEY_CACHE_DIR to a folder that can"
            ) from error
        raise


def disk_full(folder: Path) -> str:
    """The sentence that says so, with the space that is left."""
    free_mb = shutil.disk_usage(folder).free / 1e6
    return (
        f"the disk that holds {folder} has too little room ({free_mb:.0f} MB free): free some "
        "space, or set PARLEY_CACHE_DIR to a folder on another disk"
    )
