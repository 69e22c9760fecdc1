"""Programs of a few lines on a PATH of the test's own, and an empty cache."""

import os
from pathlib import Path

import pytest


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("PARLEY_CACHE_DIR", str(folder))
    return folder


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that is all of PATH; the shell is there, and what the test puts in."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in ("sh", "cat", "chmod", "mkdir", "touch"):
        (folder / name).symlink_to(_real(name))
    monkeypatch.setenv("PATH", str(folder))
    return folder


def _real(name: str) -> Path:
    for folder in os.defpath.split(os.pathsep):
        if (Path(folder) / name).exists():
            return Path(folder) / name
    raise FileNotFoundError(name)


def write_program(file: Path, script: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return file
