"""A state folder on a full disk: one sentence, from every command, and no traceback."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from parley import paths
from parley.disk import LEAST_FREE_BYTES, why_full
from parley.program import EXIT_FAILED
from testkit.isolated_config import write_config


@pytest.mark.parametrize("below", ["", "state", "state/deep/er"])
def test_a_full_disk_is_told_whether_the_folder_is_there_or_not(
    small_disk: Path, below: str
) -> None:
    folder = small_disk / below
    assert why_full(folder) == f"the disk that holds {folder} is full (1.0 MB free)"


def test_a_disk_with_room_is_not_full(tmp_path: Path) -> None:
    assert os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize > LEAST_FREE_BYTES
    assert why_full(tmp_path / "state") is None


def command(small_disk: Path, tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "cli.main", *arguments],
        env={
            **os.environ,
            "PYTHONPATH": str(paths.repository()),
            "PARLEY_CONFIG_DIR": str(write_config(tmp_path / "configs")),
            "PARLEY_STATE_DIR": str(small_disk / "state"),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("arguments", [("up",), ("up", "--detach")])
def test_up_refuses_in_one_sentence(
    small_disk: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    (small_disk / "ballast").write_bytes(bytes(1_000_000))
    done = command(small_disk, tmp_path, *arguments)
    assert done.returncode == EXIT_FAILED
    said = " ".join((done.stdout + done.stderr).split())
    assert f"the disk that holds {small_disk / 'state'} is full" in said
    assert "PARLEY_STATE_DIR" in said
    assert "Traceback" not in said


def test_doctor_calls_it_a_problem(small_disk: Path, tmp_path: Path) -> None:
    done = command(small_disk, tmp_path, "doctor", "--json")
    (state,) = (f for f in json.loads(done.stdout)["findings"] if f["subject"] == "state")
    assert state["level"] == "problem"
    assert "PARLEY_STATE_DIR" in state["remedy"]
