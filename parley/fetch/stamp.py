"""A mark beside files that were found to be right; it is void once one of them has been touched.

To read hundreds of megabytes at every start would take seconds; size and time of the last change
are asked in no time, and tell of everything but a disk that changes bytes by itself.
"""

from collections.abc import Sequence
from pathlib import Path


def write_stamp(mark: Path, what: str, files: Sequence[Path]) -> None:
    """Marks that the files are right: as `what` says, and as they are now."""
    mark.write_text(_text(what, files), encoding="utf-8")


def is_stamped(mark: Path, what: str, files: Sequence[Path]) -> bool:
    """Whether they were marked as right for the same `what`, and have not been touched since."""
    try:
        return mark.read_text(encoding="utf-8") == _text(what, files)
    except OSError:
        return False


def _text(what: str, files: Sequence[Path]) -> str:
    lines = [what.rstrip("\n")]
    for file in files:
        state = file.stat()
        # Whole seconds: archives and images keep no more.
        lines.append(f"{state.st_size} {int(state.st_mtime)} {file.name}")
    return "\n".join(lines) + "\n"
