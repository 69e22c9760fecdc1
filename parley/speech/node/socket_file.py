"""The Unix socket of a node's scoreboard: where it is, who may open it, and long paths."""

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LONGEST_PATH = 100
"""Bytes that surely fit into a socket's address: 108 on Linux, 104 elsewhere, with an end."""
BACKLOG = 1024


def socket_path(state: Path, port: int) -> Path:
    """Of the agent server with this health port, which no two on a machine share."""
    return state / "agent" / f"scoreboard-{port}.sock"


def listen(path: Path) -> socket.socket:
    """A listening socket that only this user may open; raises OSError.

    What a killed server left behind is replaced; FileExistsError where one that lives has it, or
    where something else is in its place.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _short(path) as address:
        if path.is_symlink() or path.exists():
            if not stat.S_ISSOCK(path.lstat().st_mode) or _is_served(address):
                raise FileExistsError(f"{path} is in use")
            path.unlink()
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            os.fchmod(listening.fileno(), 0o600)  # Linux makes the file with the socket's mode
            listening.bind(address)
            path.chmod(0o600)
            listening.listen(BACKLOG)
            listening.setblocking(False)
        except BaseException:
            listening.close()
            raise
    return listening


def file_number(path: Path) -> int:
    """Tells the file at `path` from one that takes its place later; raises OSError."""
    return path.lstat().st_ino


def remove(path: Path, number: int) -> None:
    """The file of a socket that listens no more, unless another has taken its place."""
    with suppress(OSError):
        if file_number(path) == number:
            path.unlink()


def connect(path: Path) -> socket.socket:
    """A connected socket; raises OSError, at once where nobody listens."""
    connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connected.setblocking(False)
        with _short(path) as address:
            # Either it is connected now or the server's queue is full, which is as good as away.
            connected.connect(address)
    except BaseException:
        connected.close()
        raise
    return connected


def _is_served(address: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.settimeout(1.0)
            probe.connect(address)
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:  # its queue is full: it is there
            return True
    return True


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """An address of the file that fits into a socket's, however deep the folder is."""
    if len(os.fsencode(path)) <= LONGEST_PATH:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
