"""docker-compose.prod.yml as docker-compose itself reads it."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from parley import paths
from tests.deploy.conftest import Tool

ROOT = paths.repository()
FILE = ROOT / "docker-compose.prod.yml"
TEMPLATE = ROOT / ".env.prod.example"
PROFILES = ("piper", "cosyvoice", "llm", "chat")
VALUES = {
    "PARLEY_DOMAIN": "talk.example.org",
    "ACME_EMAIL": "you@example.org",
    "NODE_IP": "203.0.113.7",
    "LIVEKIT_API_KEY": "parley-key",
    "LIVEKIT_API_SECRET": "s" * 64,
    "REDIS_PASSWORD": "r" * 64,
    "REDIS_AGENT_PASSWORD": "a" * 64,
    "REDIS_GATEWAY_PASSWORD": "w" * 64,
    "OPERATOR_KEY": "o" * 64,
    "GRAFANA_ADMIN_PASSWORD": "g" * 64,
}
"""What has no default; of the template all but what may stay empty."""


def env_file(folder: Path, **changes: str) -> Path:
    file = folder / "env"
    file.write_text("".join(f"{name}={value}\n" for name, value in (VALUES | changes).items()))
    return file


def render(compose: Tool, folder: Path, *files: Path, **changes: str) -> dict[str, Any]:
    named = [part for file in files or (FILE,) for part in ("-f", str(file))]
    every = [part for profile in PROFILES for part in ("--profile", profile)]
    command = ["--env-file", str(env_file(folder, **changes)), *named, *every]
    done = compose(*command, "config", "--format", "json", env={"PATH": ""})
    assert done.returncode == 0, done.stderr
    rendered: dict[str, Any] = json.loads(done.stdout)
    return rendered


@cache
def variables(file: Path) -> frozenset[str]:
    """Those that the file takes from whoever starts it."""
    text = re.sub(r"^\s*#.*$", "", file.read_text("utf-8"), flags=re.MULTILINE)
    return frozenset(re.findall(r"(?<!\$)\$\{([A-Z_0-9]+)", text))
