"""`./run restore FILE`: puts a backup back, so that everything is as it was when it was made."""

from pathlib import Path

from cli.backup import add_common, parts_of, project, settings_of
from ops.backup import archive
from ops.backup.part import BackupError
from ops.supervisor.record import RecordFile
from parley import paths
from parley.arguments import CommandParser


def main(arguments: list[str]) -> int:
    """Raises ConfigurationError and BackupError; the latter before anything is changed, but for a
    database that is lost on the way."""
    options = make_parser().parse_args(arguments)
    with archive.opened(options.file) as (manifest, folder):
        if options.check:
            print(f"{options.file} is whole: {', '.join(manifest.parts)}, of {manifest.made_at}")
            return 0
        if manifest.kind == "production":
            project(options.compose).check_quiet()
        elif RecordFile(paths.state_dir()).running() is not None:
            raise BackupError(
                "Parley runs: `./run down` first, or it goes on with what is replaced"
            )
        _put_back(manifest, folder, options.compose)
    print("done; start it again")
    return 0


def _put_back(manifest: archive.Manifest, folder: Path, compose: str) -> None:
    """First the files, for it is they that say where the databases are."""
    settings = settings_of(manifest.kind, compose)
    for part in settings:
        print(f"{part.name}: {part.restore(folder / part.name)}")
    if manifest.kind == "production":
        project(compose).ask("create", "--no-recreate")  # its volumes, as it makes them itself
    parts = parts_of(manifest.kind, models="models" in manifest.parts, compose=compose)
    known = {part.name for part in (*settings, *parts)}
    strange = sorted(set(manifest.parts) - known)
    if strange:
        raise BackupError(f"the settings in the backup name no place for {', '.join(strange)}")
    for part in parts:
        if part.name in manifest.parts:
            print(f"{part.name}: {part.restore(folder / part.name)}")


def make_parser() -> CommandParser:
    parser = CommandParser(prog="./run restore", description=__doc__)
    parser.add_argument("file", type=Path, metavar="FILE", help="one that `./run backup` wrote")
    parser.add_argument("--check", action="store_true", help="only say whether it is whole")
    add_common(parser)
    return parser
