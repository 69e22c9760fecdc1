"""What docker-compose.prod.yml consists of: the parts of its backup, by Docker's own client."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ops.backup.files import FileTree, SingleFiles
from ops.backup.part import BackupError, BackupPart
from ops.backup.redis_keys import RedisKeys
from ops.production_file import FILE
from parley.settings.dotenv import read_dotenv

COMPOSE_FILE = "docker-compose.prod.yml"
VOLUMES = {"records": "records", "certificates": "caddy-data"}
"""The part of a backup, and the volume that it is of."""
CHATS = "chats"
"""The volume of the service `chat`, where its profile is used."""
_WRITING = ("agent", "chat", "gateway")
"""What has to be ended before a backup is put back."""
_TOOL_S = 3600.0


@dataclass(frozen=True)
class ComposeProject:
    """The containers of the checkout in `folder`. `compose`: the command that they were started
    with, up to its verb."""

    folder: Path
    compose: tuple[str, ...]
    docker: tuple[str, ...] = ("docker",)

    @property
    def name(self) -> str:
        return str(json.loads(self.ask("config", "--format", "json"))["name"])

    def ask(self, *words: str) -> str:
        """What docker compose answers; raises BackupError."""
        return _output([*self.compose, *words], self.folder)

    def services(self) -> dict[str, dict[str, object]]:
        """Of the profiles that are used."""
        found: dict[str, dict[str, object]] = json.loads(self.ask("config", "--format", "json"))[
            "services"
        ]
        return found

    def image(self, service: str) -> str:
        return str(self.services()[service]["image"])

    def redis_url(self) -> str:
        """Redis is published nowhere; this machine reaches its container all the same."""
        self.ask("up", "--detach", "--no-deps", "--wait", "redis")
        container = self.ask("ps", "--quiet", "redis").strip()
        (found,) = json.loads(_output([*self.docker, "inspect", container], self.folder))
        networks = found["NetworkSettings"]["Networks"]
        password = read_dotenv(self.folder / self.environment_file)["REDIS_PASSWORD"]
        (address,) = (each["IPAddress"] for each in networks.values())
        return f"redis://:{password}@{address}:6379/0"

    @property
    def environment_file(self) -> str:
        named = [
            value
            for word, value in zip(self.compose, self.compose[1:], strict=False)
            if word == "--env-file"
        ]
        return named[-1] if named else FILE

    def check_quiet(self) -> None:
        """Raises BackupError where something runs that writes what is to be put back."""
        if not (self.folder / self.environment_file).exists():  # nothing can have been started
            return
        running = set(self.ask("ps", "--services").split())
        if running & set(_WRITING):
            names = ", ".join(sorted(running & set(_WRITING)))
            raise BackupError(f"{names} would go on with what is replaced: end them first (down)")


@dataclass(frozen=True)
class NamedVolume:
    """A volume that UID 1000 owns, read and written in a container that reaches nothing."""

    name: str
    suffix: str
    project: ComposeProject

    @property
    def volume(self) -> str:
        return f"{self.project.name}_{self.suffix}"

    def save(self, folder: Path) -> str:
        archive = folder / "volume.tar"
        with archive.open("wb") as stream:
            self._tar(["--create", "--file=-", "."], read_only=True, stdout=stream)
        return f"{archive.stat().st_size / 1e6:.1f} MB of the volume {self.volume}"

    def restore(self, folder: Path) -> str:
        archive = folder / "volume.tar"
        self._run(["find", "/volume", "-mindepth", "1", "-delete"])
        with archive.open("rb") as stream:
            self._tar(["--extract", "--file=-"], stdin=stream)
        return f"{archive.stat().st_size / 1e6:.1f} MB into the volume {self.volume}"

    def _tar(
        self,
        what: Sequence[str],
        *,
        read_only: bool = False,
        stdin: IO[bytes] | None = None,
        stdout: IO[bytes] | None = None,
    ) -> None:
        command = ["tar", "--directory=/volume", "--sort=name", *what]
        self._run(command, read_only=read_only, stdin=stdin, stdout=stdout)

    def _run(
        self,
        command: Sequence[str],
        *,
        read_only: bool = False,
        stdin: IO[bytes] | None = None,
        stdout: IO[bytes] | None = None,
    ) -> None:
        # One that is not there would be made, empty.
        _output([*self.project.docker, "volume", "inspect", self.volume], self.project.folder)
        mount = f"{self.volume}:/volume{':ro' if read_only else ''}"
        rights = ("--user", "1000:1000", "--cap-drop", "ALL", "--read-only", "--network", "none")
        done = subprocess.run(
            [
                *(*self.project.docker, "run", "--rm", "--interactive", *rights),
                *("--volume", mount, "--entrypoint", command[0]),
                *(self.project.image("agent"), *command[1:]),
            ],
            stdin=stdin or subprocess.DEVNULL,
            stdout=stdout or subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=_TOOL_S,
            check=False,
            cwd=self.project.folder,
        )
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip().splitlines() or ["nothing"]
            raise BackupError(f"{self.name}: {command[0]} in {self.volume}: {said[-1]}")


@dataclass(frozen=True)
class ComposeRedis:
    """The Redis of the project; it is started where it does not run."""

    name: str
    project: ComposeProject

    def save(self, folder: Path) -> str:
        return RedisKeys(self.name, self.project.redis_url()).save(folder)

    def restore(self, folder: Path) -> str:
        return RedisKeys(self.name, self.project.redis_url()).restore(folder)


def production_settings(project: ComposeProject) -> list[BackupPart]:
    """What says where all else is."""
    folder = project.folder
    files = {"env.prod": folder / project.environment_file, "Caddyfile": folder / "Caddyfile"}
    return [
        SingleFiles("variables", files),
        FileTree("configuration", folder / "deploy" / "config"),
    ]


def production_parts(project: ComposeProject, *, models: bool) -> list[BackupPart]:
    """The volumes, and Redis. `models`: theirs, too, which the first start fetches again."""
    volumes = {**VOLUMES, **({"models": "models"} if models else {})}
    if "chat" in project.services():
        volumes[CHATS] = CHATS
    return [
        *(NamedVolume(part, volume, project) for part, volume in volumes.items()),
        ComposeRedis("redis", project),
    ]


def _output(command: Sequence[str], folder: Path) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_TOOL_S, check=False, cwd=folder
        )
    except OSError as error:
        raise BackupError(f"{command[0]}: {error.strerror}") from None
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        raise BackupError(f"{' '.join(command[:3])} …: {said[-1]}")
    return done.stdout
