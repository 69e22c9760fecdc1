"""A real Redis and a real PostgreSQL for the tests of what stands on them."""

import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from parley.errors import ConfigurationError
from testkit.isolated_config import free_ports
from testkit.logged_process import ready_process
from testkit.redis_server import RedisServer

PASSWORD = "hunter2"


def redis_in(folder: Path) -> RedisServer:
    """Skips the test where there is none."""
    try:
        return RedisServer(folder)
    except ConfigurationError as error:
        pytest.skip(str(error))


def _postgres_programs() -> Path | None:
    """The folder of `initdb` and `postgres`: Debian keeps them off the PATH."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((f for f in folders if (f / "initdb").exists() and (f / "postgres").exists()), None)


class PostgresServer:
    """A cluster of its own in `folder`, on a free port, kept by nobody who is root. Skips the test
    where there is none, or no client."""

    def __init__(self, folder: Path) -> None:
        programs = _postgres_programs()
        if programs is None:
            pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
        pytest.importorskip("asyncpg", reason="asyncpg is not installed (parley[postgres])")
        (self.port,) = free_ports(1)
        self._programs = programs
        self._data = folder / "data"
        self._password = folder / "password"
        self._as_user: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._password.write_text(PASSWORD)
        if os.getuid() == 0:  # PostgreSQL refuses to run as root
            user = _unprivileged()
            os.chown(folder, user.pw_uid, user.pw_gid)
            os.chown(self._password, user.pw_uid, user.pw_gid)
            self._as_user = [
                "setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"
            ]  # fmt: skip

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://parley:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        self._run(
            "initdb", "--pgdata", str(self._data), "--username=parley", "--no-sync",
            "--auth=scram-sha-256", f"--pwfile={self._password}", "--encoding=UTF8",
        )  # fmt: skip
        options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
        command = [
            *self._as_user, str(self._programs / "postgres"), "-D", str(self._data),
            "-p", str(self.port), *(f"--{name}={value}" for name, value in options.items()),
        ]  # fmt: skip
        self._process = ready_process(
            command,
            log=self._data.with_name("postgres.log"),
            ready=b"ready to accept connections",
            folder=Path("/"),
        )

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # ends the connections, too
            self._process.wait()

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as_user, str(self._programs / program), *arguments]
        subprocess.run(command, cwd="/", check=True, capture_output=True)


def _unprivileged() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")
