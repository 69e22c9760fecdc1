"""The engine outside its environment."""

import os
import subprocess
import sys
from pathlib import Path

import yaml

from parley import paths


def test_worker_started_without_torch_says_where_to_read_on(tmp_path: Path) -> None:
    settings = {"tts": {"adapter": "cosyvoice"}}
    (tmp_path / "worker.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    answer = subprocess.run(
        [sys.executable, "-P", "-m", "workers.tts"],
        env={
            **os.environ,
            "PYTHONPATH": str(paths.repository()),
            "PARLEY_CONFIG_DIR": str(tmp_path),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert answer.returncode == 2
    assert "engine cosyvoice cannot be loaded" in answer.stderr
    assert "docs/engines.md" in answer.stderr
    assert "Traceback" not in answer.stderr
