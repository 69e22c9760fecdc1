"""Folders and files of a machine, as parts of a backup."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from ops.backup.part import BackupError


@dataclass(frozen=True)
class FileTree:
    """All files below `root`, but those that `left_out` names."""

    name: str
    root: Path
    left_out: frozenset[str] = field(default=frozenset())

    def save(self, folder: Path) -> str:
        if self.root.is_dir():
            ignore = shutil.ignore_patterns(*self.left_out)
            _copy(lambda: shutil.copytree(self.root, folder, dirs_exist_ok=True, ignore=ignore))
        return _counted(folder, self.root)

    def restore(self, folder: Path) -> str:
        """What was left out of the backup stays as it is."""
        for path in sorted(self.root.iterdir()) if self.root.is_dir() else ():
            if any(fnmatch(path.name, pattern) for pattern in self.left_out):
                continue
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        _copy(lambda: shutil.copytree(folder, self.root, dirs_exist_ok=True))
        return _counted(folder, self.root)


@dataclass(frozen=True)
class SingleFiles:
    """These files, each by a name of its own; one that is not there is not in the backup."""

    name: str
    files: dict[str, Path]

    def save(self, folder: Path) -> str:
        for name, file in self.files.items():
            if file.is_file():
                _copy(lambda name=name, file=file: shutil.copy2(file, folder / name))  # type: ignore[misc]
        return ", ".join(sorted(path.name for path in folder.iterdir())) or "none"

    def restore(self, folder: Path) -> str:
        for name, file in self.files.items():
            file.unlink(missing_ok=True)
            if (folder / name).is_file():
                file.parent.mkdir(parents=True, exist_ok=True)
                _copy(lambda name=name, file=file: shutil.copy2(folder / name, file))  # type: ignore[misc]
        return ", ".join(sorted(path.name for path in folder.iterdir())) or "none"


def _copy(copy: Callable[[], object]) -> None:
    try:
        copy()
    except (OSError, shutil.Error) as error:
        raise BackupError(f"cannot be copied: {error}") from None


def _counted(folder: Path, root: Path) -> str:
    files = [path for path in folder.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    return f"{len(files)} files, {size / 1e6:.1f} MB, of {root}"
