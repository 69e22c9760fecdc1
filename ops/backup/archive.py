"""The file of a backup: a compressed tar of the parts' folders, and sums of every file in it."""

import hashlib
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from ops.backup.part import BackupError, BackupPart
from parley import __version__
from parley.private import open_private, private_folder

FORMAT = 1
PREFIX, SUFFIX = "parley-", ".tar.gz"
_STAMP = "%Y%m%dT%H%M%SZ"
_MANIFEST = "manifest.json"
_CHUNK = 1 << 20
_COMPRESSION = 3
"""Of gzip's 1 to 9: models and sound hardly shrink, and the rest does so at any."""


class Manifest(BaseModel):
    """What is in a backup. `files`: SHA-256 by name. `kind`: machine or production."""

    model_config = ConfigDict(frozen=True)

    format: int = FORMAT
    version: str = __version__
    kind: str
    made_at: datetime
    parts: tuple[str, ...]
    files: dict[str, str]


def save(
    parts: Sequence[BackupPart], to: Path, *, kind: str, now: datetime
) -> tuple[Path, list[str]]:
    """The file, for its owner alone, and what of each part is in it. Raises BackupError.

    It has its name only once it is whole.
    """
    private_folder(to)
    file = to / f"{PREFIX}{kind}-{now.astimezone(UTC).strftime(_STAMP)}{SUFFIX}"
    with _scratch(to) as scratch:
        told = []
        for part in parts:
            folder = scratch / part.name
            folder.mkdir()
            told.append(f"{part.name}: {part.save(folder)}")
        names = sorted(path for path in scratch.rglob("*") if path.is_file())
        sums = {str(path.relative_to(scratch)): _sum(path) for path in names}
        manifest = Manifest(
            kind=kind, made_at=now, parts=tuple(part.name for part in parts), files=sums
        )
        (scratch / _MANIFEST).write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
        staged = to / f".{file.name}"
        try:
            with (
                open_private(staged, append=False) as stream,
                tarfile.open(fileobj=stream, mode="w:gz", compresslevel=_COMPRESSION) as archive,
            ):
                for path in sorted(scratch.iterdir()):
                    archive.add(path, arcname=path.name)
            staged.rename(file)
        finally:
            staged.unlink(missing_ok=True)
    return file, told


@contextmanager
def opened(file: Path) -> Iterator[tuple[Manifest, Path]]:
    """What the backup says of itself, and a folder with its parts, each file as it was saved.

    Raises BackupError for a file that is none, or is damaged.
    """
    if not file.is_file():
        raise BackupError(f"{file}: there is no such backup")
    with _scratch(file.parent) as scratch:
        try:
            with tarfile.open(file, mode="r:gz") as archive:
                archive.extractall(scratch, filter="data")
            text = (scratch / _MANIFEST).read_text(encoding="utf-8")
            manifest = Manifest.model_validate_json(text)
        except FileNotFoundError:
            raise BackupError(f"{file} is no backup of Parley: it has no {_MANIFEST}") from None
        except (tarfile.TarError, zlib.error, EOFError, OSError, ValidationError) as error:
            raise BackupError(f"{file} is damaged, or no backup of Parley: {error}") from None
        if manifest.format != FORMAT:
            raise BackupError(
                f"{file} has the format {manifest.format}, and this Parley ({__version__}) reads "
                f"{FORMAT}: take the version that made it, {manifest.version}"
            )
        for name, wanted in manifest.files.items():
            path = scratch / name
            if not path.is_file() or _sum(path) != wanted:
                raise BackupError(f"{file} is damaged: {name} is not what was saved")
        for part in manifest.parts:
            (scratch / part).mkdir(exist_ok=True)  # one that was empty
        yield manifest, scratch


def outdated(folder: Path, *, kind: str, keep_days: int, now: datetime) -> list[Path]:
    """Backups there that are older than that; never the newest. 0 days: none are."""
    kept = sorted(folder.glob(f"{PREFIX}{kind}-*{SUFFIX}"))
    oldest = now.astimezone(UTC) - timedelta(days=keep_days)
    return [file for file in kept[:-1] if keep_days and _made_at(file, kind) < oldest]


def _made_at(file: Path, kind: str) -> datetime:
    stamp = file.name.removeprefix(f"{PREFIX}{kind}-").removesuffix(SUFFIX)
    try:
        return datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
    except ValueError:  # not one of ours: it stays
        return datetime.max.replace(tzinfo=UTC)


@contextmanager
def _scratch(beside: Path) -> Iterator[Path]:
    """A folder for its owner alone, on the disk of the backups."""
    folder = Path(tempfile.mkdtemp(prefix=".backup-", dir=beside))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sum(path: Path) -> str:
    hasher = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            hasher.update(chunk)
    return hasher.hexdigest()
