"""`./run backup`: writes all that could not be had again into one file, for `./run restore`."""

import shlex
from datetime import UTC, datetime
from pathlib import Path

from ops.backup import archive
from ops.backup.machine import machine_parts, machine_settings
from ops.backup.part import BackupPart
from ops.backup.production import (
    COMPOSE_FILE,
    ComposeProject,
    production_parts,
    production_settings,
)
from ops.production_file import FILE
from parley import paths
from parley.arguments import CommandParser
from parley.settings import load_orchestrator

KINDS = ("machine", "production")
KEEP_DAYS = 7
COMPOSE = f"docker compose --env-file {FILE} -f {COMPOSE_FILE}"


def main(arguments: list[str]) -> int:
    """Raises ConfigurationError and BackupError."""
    options = make_parser().parse_args(arguments)
    kind = KINDS[options.production]
    parts = settings_of(kind, options.compose)
    parts += parts_of(kind, models=options.models, compose=options.compose)
    now = datetime.now(UTC)
    file, told = archive.save(parts, options.to, kind=kind, now=now)
    for line in told:
        print(line)
    print(f"wrote {file}, {file.stat().st_size / 1e6:.1f} MB, for its owner alone: it has keys")
    for old in archive.outdated(options.to, kind=kind, keep_days=options.keep_days, now=now):
        old.unlink()
        print(f"deleted {old}, older than {options.keep_days} days")
    return 0


def settings_of(kind: str, compose: str) -> list[BackupPart]:
    """The files that say where all else is."""
    return production_settings(project(compose)) if kind == "production" else machine_settings()


def parts_of(kind: str, *, models: bool, compose: str) -> list[BackupPart]:
    """All else, as those files say."""
    if kind == "production":
        return production_parts(project(compose), models=models)
    return machine_parts(load_orchestrator(), models=models)


def project(compose: str) -> ComposeProject:
    return ComposeProject(paths.repository(), tuple(shlex.split(compose)))


def add_common(parser: CommandParser) -> None:
    parser.add_argument(
        "--compose",
        default=COMPOSE,
        metavar="COMMAND",
        help="how Docker Compose is called for docker-compose.prod.yml (default: %(default)s)",
    )


def make_parser() -> CommandParser:
    parser = CommandParser(prog="./run backup", description=__doc__)
    parser.add_argument(
        "--production", action="store_true", help="of docker-compose.prod.yml, not of `./run up`"
    )
    parser.add_argument(
        "--to",
        type=Path,
        default=paths.repository() / "backups",
        metavar="DIR",
        help="where backups are kept (default: backups)",
    )
    parser.add_argument(
        "--keep-days",
        type=int,
        default=KEEP_DAYS,
        metavar="N",
        help="older ones there are deleted, never the newest; 0: none (default: %(default)s)",
    )
    parser.add_argument(
        "--models", action="store_true", help="the models, too, which can be fetched again"
    )
    add_common(parser)
    return parser
