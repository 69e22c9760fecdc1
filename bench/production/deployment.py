"""The parts of a compose file of ours as they run on an engine of ours."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.production.commands import RunError, cli, run
from bench.production.engine import CALLER, SERVER, DockerEngine, Namespace
from ops import production_file
from parley import paths

DOMAIN = "talk.parley.test"
SMALL_MODEL = "qwen2.5-0.5b-instruct"
CORES = {f"{part}_CPUS": "2" for part in ("AGENT", "ASR", "LIVEKIT", "LLM", "TTS")}
"""A machine with less than four has to say so."""
BUILD_S, START_S, END_S = 3600.0, 1200.0, 300.0
_MODELS = ("piper-en-us-joe-medium", "moonshine-base-en", "smart-turn-v3", SMALL_MODEL)


@dataclass(frozen=True)
class Container:
    """A container that runs, of `service`."""

    id: str
    service: str
    engine: DockerEngine

    def run(self, *words: str, within_s: float = 60) -> str:
        """Inside, as the user that it runs as; raises RunError."""
        return self.engine.docker("exec", self.id, *words, within_s=within_s)

    def inspected(self) -> dict[str, Any]:
        (found,) = json.loads(self.engine.docker("inspect", self.id))
        return dict(found)


class Deployment:
    """A compose file of the checkout under a project name and with secrets of its own."""

    def __init__(
        self,
        engine: DockerEngine,
        compose: Path,
        folder: Path,
        *,
        project: str,
        file: str = "docker-compose.prod.yml",
    ) -> None:
        self.engine = engine
        self.project = project
        self._file = file
        self._compose = compose
        self.environment_file = folder / "env.prod"

    def configure(self, changes: Mapping[str, str]) -> None:
        """What `./run secrets` writes for docker-compose.prod.yml, and `changes` after it."""
        template = (paths.repository() / production_file.TEMPLATE).read_text(encoding="utf-8")
        given = {"PARLEY_DOMAIN": DOMAIN, "ACME_EMAIL": "you@example.org", "NODE_IP": SERVER}
        text, _ = production_file.filled(template, production_file.made_secrets() | given)
        more = {"CADDY_CERTIFICATES": "local_certs", **CORES, **changes}
        self.write(more, before=text)

    def write(self, values: Mapping[str, str], *, before: str = "") -> None:
        """The file of variables: what stands `before`, and these after it."""
        self.environment_file.unlink(missing_ok=True)
        self.environment_file.touch(mode=0o600)
        lines = [f"{name}={value}" for name, value in values.items()]
        self.environment_file.write_text(before + "\n".join(lines) + "\n", encoding="utf-8")

    @property
    def command(self) -> list[str]:
        """How Docker Compose is called for it, up to the verb."""
        file = paths.repository() / self._file
        named = ["-p", self.project, "--env-file", str(self.environment_file), "-f", str(file)]
        return [str(self._compose), *named]

    def start(self, *more: str) -> None:
        """Returns once everything is healthy; raises RunError."""
        wait = ("--wait", "--wait-timeout", str(int(START_S)))
        words = ("up", "--detach", "--no-build", *more, *wait)
        self.compose(*words, within_s=START_S + 60)

    def change(self, **values: str) -> None:
        """Of the file of variables; what runs has them from its next start on."""
        with self.environment_file.open("a", encoding="utf-8") as file:
            file.writelines(f"{name}={value}\n" for name, value in values.items())

    def compose(self, *words: str, within_s: float = END_S) -> str:
        return run(
            [*self.command, *words],
            within_s=within_s,
            env=self.engine.environment,
            cwd=paths.repository(),
        )

    def containers(self, service: str = "") -> list[Container]:
        """Those that run, of one service or of all."""
        found = self.compose("ps", "--format", "json", *([service] if service else []))
        listed = [json.loads(line) for line in found.splitlines() if line.startswith("{")]
        return [Container(each["ID"], each["Service"], self.engine) for each in listed]

    def container(self, service: str) -> Container:
        """The only one; raises RunError where there are others."""
        found = self.containers(service)
        if len(found) != 1:
            raise RunError(f"{service}: {len(found)} containers run, not one")
        return found[0]

    def fill_models(self, cache: Path) -> None:
        """Puts what this machine has of the models into their volume, as `models` would."""
        volume = f"{self.project}_models"
        self.compose("create", "--no-build", "models")
        names = [name for name in _MODELS if (cache / "models" / name).is_dir()]
        copy = "mkdir -p /models/models && cp -R " + " ".join(f"/here/{n}" for n in names)
        if not names:
            return
        self.engine.docker(
            *("run", "--rm", "--network", "none", "-v", f"{volume}:/models"),
            *("-v", f"{cache / 'models'}:/here:ro", self.image("models")),
            *("sh", "-c", f"{copy} /models/models/"),
            within_s=START_S,
        )

    def image(self, service: str) -> str:
        rendered = json.loads(self.compose("config", "--format", "json"))
        return str(rendered["services"][service]["image"])

    def authority(self, file: Path) -> Path:
        """The certificate that a caller has to trust, of Caddy's own authority."""
        root = "/data/caddy/pki/authorities/local/root.crt"
        file.write_text(self.container("caddy").run("cat", root), encoding="utf-8")
        return file


def call(
    outside: Namespace, trusted: Path, *recordings: Path, within_s: float = 300
) -> dict[str, Any]:
    """`./run call` from where callers are, through Caddy; its report. Raises RunError."""
    command = cli("call", "--json", "--gateway", f"https://{DOMAIN}")
    answer = run(
        outside.command(*command, *recordings),
        within_s=within_s,
        env={"SSL_CERT_FILE": str(trusted)},
        cwd=paths.repository(),
    )
    return dict(json.loads(answer))


def chat(outside: Namespace, trusted: Path, user: str, session: str) -> dict[str, Any]:
    """A chat with the shopping assistant from where callers are, through Caddy; raises RunError."""
    command = [sys.executable, "-m", "bench.production.one_chat", f"wss://{DOMAIN}/ws/chat"]
    answer = run(
        outside.command(*command, user, session),
        within_s=300,
        env={"SSL_CERT_FILE": str(trusted)},
        cwd=paths.repository(),
    )
    return dict(json.loads(answer))


HOSTS = {DOMAIN: SERVER, "localhost": "127.0.0.1", "caller": CALLER}
