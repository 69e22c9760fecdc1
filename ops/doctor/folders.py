"""The folders Parley keeps things in: whether they can be, and hold what they should."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from ops.doctor.finding import Finding, ok, problem, warning
from parley import paths
from parley.app.loading import CALLED_FROM, called_from
from parley.disk import why_full

FOLDERS = ("state", "cache", "configuration")
"""Subjects of findings without which nothing else can be looked at."""

GOOD_DISK_GB = 4.0

_STATE_FILES = (
    *("keys.env", "livekit.yaml", "supervisor.json", "supervisor.lock", "supervisor.new"),
    "sessions.db",
)
_STATE_FOLDERS = ("logs", "metrics", "discovery")
_LONGEST_NAME = 255
"""Bytes, on every file system of Linux."""
_SQLITE_BEGINS = b"SQLite format 3\0"


def check_folders() -> Iterator[Finding]:
    """State, cache, configuration, and where apps are looked for; touches none of them."""
    yield from _kept("state", paths.state_dir(), "PARLEY_STATE_DIR")
    yield from _kept("cache", paths.cache_dir(), "PARLEY_CACHE_DIR")
    if not paths.config_dir().is_dir():
        yield problem(
            "configuration",
            f"{paths.config_dir()} is no folder",
            "set PARLEY_CONFIG_DIR to the folder with orchestrator.yaml, or to nothing",
        )
    if not called_from().is_dir():
        yield problem(
            "apps", f"{called_from()} is no folder", f"set {CALLED_FROM} to one, or to nothing"
        )


def why_unusable(folder: Path) -> str | None:
    """Why nothing can be kept in `folder`, which need not be there; None: it can."""
    try:
        if folder.is_dir():
            return None if os.access(folder, os.W_OK | os.X_OK) else "cannot be written"
        if folder.exists() or folder.is_symlink():
            return "is no folder"
        above = next(
            each for each in folder.absolute().parents if each.exists() or each.is_symlink()
        )
    except OSError as error:  # links in a circle, a folder that is closed
        return f"cannot be one: {error.strerror}"
    if any(len(os.fsencode(part)) > _LONGEST_NAME for part in folder.parts):
        return "cannot be one: a name in it is too long"
    if not above.is_dir():
        return f"cannot be made: {above} is no folder"
    return None if os.access(above, os.W_OK | os.X_OK) else f"cannot be made in {above}"


def _kept(subject: str, folder: Path, variable: str) -> Iterator[Finding]:
    if (reason := why_unusable(folder)) is not None:
        remedy = f"set {variable} to a folder that can be written"
        yield problem(subject, f"{folder} {reason}", remedy)
        return
    yield _space(subject, folder, variable)
    if subject == "state":
        yield from _contents(folder)


def _space(subject: str, folder: Path, variable: str) -> Finding:
    if subject == "state" and (reason := why_full(folder)) is not None:
        return problem(subject, reason, f"free some space, or set {variable} to another disk")
    existing = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    free_gb = shutil.disk_usage(existing).free / 1e9
    detail = f"{folder}, {free_gb:.1f} GB free"
    if free_gb < GOOD_DISK_GB:
        return warning(subject, detail, f"a fresh start takes {GOOD_DISK_GB:.0f} GB")
    return ok(subject, detail)


def _contents(folder: Path) -> Iterator[Finding]:
    """What lies in the state folder where Parley would put something else."""
    for name in _STATE_FILES:
        file = folder / name
        if file.exists() and not file.is_file():
            yield problem("state", f"{file} is no file", "move it away")
    for name in _STATE_FOLDERS:
        place = folder / name
        if (place.exists() or place.is_symlink()) and not place.is_dir():
            yield problem("state", f"{place} is no folder", "move it away")
    sessions = folder / "sessions.db"
    if sessions.is_file() and not is_database(sessions):
        yield problem(
            "sessions", f"{sessions} is no SQLite database", "move it away: a new one is made"
        )


def is_database(file: Path) -> bool:
    """Whether it is SQLite's, or empty, which becomes one."""
    with file.open("rb") as stream:
        begins = stream.read(len(_SQLITE_BEGINS))
    return begins in (b"", _SQLITE_BEGINS)
