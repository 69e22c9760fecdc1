"""What an installation of `./run up` consists of: the parts of its backup."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from ops.backup.files import FileTree, SingleFiles
from ops.backup.part import BackupPart
from ops.backup.redis_keys import RedisKeys
from ops.backup.sql import PostgresDatabase, SqliteFiles
from parley import paths
from parley.settings import OrchestratorSettings

_PASSING = frozenset(
    {
        *("logs", "metrics", "bench", "agent", "discovery", "llm-openings", "supervisor.*"),
        *("agent-calls-*", "livekit.yaml", "*.sock", "*.lock", "*.db", "*.db-*", ".*"),
    }
)
"""Of the state folder: what the next start makes again, or has a part of its own."""
_HALVES = frozenset({"*.lock", ".*"})


def machine_settings() -> list[BackupPart]:
    """What says where all else is."""
    return [
        SingleFiles("variables", {"dotenv": paths.repository() / ".env"}),
        FileTree("configuration", paths.config_dir()),
    ]


def machine_parts(settings: OrchestratorSettings, *, models: bool) -> list[BackupPart]:
    """All else: the state folder, and what the settings name. `models`: their cache, too, which can
    be fetched again but for voices of one's own."""
    state = paths.state_dir()
    parts: list[BackupPart] = [
        FileTree("state", state, _PASSING),
        SqliteFiles("sqlite", state),
    ]
    parts += _databases(settings)
    place = settings.record.place
    if place and not place.startswith("s3://"):
        parts.append(FileTree("records", Path(place)))
    if models:
        parts.append(FileTree("models", paths.cache_dir() / "models", _HALVES))
    return parts


def _databases(settings: OrchestratorSettings) -> Iterator[BackupPart]:
    """Of every section that names one, each once."""
    for number, url in enumerate(dict.fromkeys(_addresses(settings)), start=1):
        if url.startswith(("redis:", "rediss:", "unix:")):
            yield RedisKeys(f"redis-{number}", url)
        elif url.startswith("postgres"):  # libpq takes both names
            yield PostgresDatabase(f"postgresql-{number}", url)
        elif url.startswith("sqlite"):
            try:
                file = make_url(url).database
            except ArgumentError:
                continue
            if file:
                yield SqliteFiles(f"sqlite-{number}", Path(file))


def _addresses(model: BaseModel) -> Iterator[str]:
    for name in type(model).model_fields:
        value: Any = getattr(model, name)
        if isinstance(value, BaseModel):
            yield from _addresses(value)
            continue
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if isinstance(text, str) and "://" in text:
            yield text
