"""Whether a disk has room for what Parley writes while it runs: logs, metrics, its record."""

import shutil
from pathlib import Path

LEAST_FREE_BYTES = 10_000_000


def why_full(folder: Path) -> str | None:
    """One sentence where the disk that holds `folder`, which need not exist yet, is full."""
    existing = next(each for each in (folder, *folder.parents) if each.exists())
    free_bytes = shutil.disk_usage(existing).free
    if free_bytes >= LEAST_FREE_BYTES:
        return None
    return f"the disk that holds {folder} is full ({free_bytes / 1e6:.1f} MB free)"
