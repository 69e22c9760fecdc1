"""docker-compose.prod.yml on a Docker engine: where it is asked for, else what it stands on."""

import os
import subprocess

import pytest

from bench.production import engine, stand_ins
from parley import paths

ROOT = paths.repository()


def test_it_runs() -> None:
    if not os.environ.get("PARLEY_TEST_DOCKER"):
        pytest.skip("deploy/verify_run takes ten minutes: PARLEY_TEST_DOCKER=1 runs it")
    program = ROOT / "deploy" / "verify_run"
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_there_is_a_stand_in_for_every_base() -> None:
    named = stand_ins.tags()
    stages = (ROOT / "bench/production/stand_ins.Dockerfile").read_text("utf-8")
    assert set(named) == {"python", "node", "caddy", "redis", "livekit", "postgres"}
    for name in named:
        assert f" AS {name}\n" in stages


def test_the_engine_needs_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    why = engine.obstacle()
    assert "\n" not in why
    assert "not on this machine: apt-get" in why or "needs root" in why
