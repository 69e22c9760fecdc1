"""`python -m agent` as the supervisor runs it."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from parley import paths
from testkit.isolated_config import free_ports

pytestmark = pytest.mark.servers

SECRET = "a secret of more than thirty-two characters"


@contextmanager
def agent(
    folder: Path, *, port: int, secret: str = SECRET, metrics: Path | None = None
) -> Iterator[subprocess.Popen[str]]:
    (nobody,) = free_ports(1)
    (folder / "orchestrator.yaml").write_text(
        f"server: {{health_check_port: {port}}}\n"
        f"livekit: {{url: 'ws://127.0.0.1:{nobody}', api_key: key, api_secret: '{secret}'}}\n"
        f"tts: {{worker_address: '127.0.0.1:{nobody}'}}\n"
        f"asr: {{worker_address: '127.0.0.1:{nobody}'}}\n"
    )
    unset = ("LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET", "PROMETHEUS_MULTIPROC_DIR")
    environment = {key: value for key, value in os.environ.items() if key not in unset}
    if metrics is not None:
        environment["PROMETHEUS_MULTIPROC_DIR"] = str(metrics)
    process = subprocess.Popen(
        [sys.executable, "-m", "agent"],
        cwd=paths.repository(),
        env=environment | {"PARLEY_CONFIG_DIR": str(folder)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The agent's folder for temporary files. Its path is short: sockets are in there, too, and
    theirs has at most 107 characters."""
    with tempfile.TemporaryDirectory(prefix="parley-") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        yield Path(folder)


def complaint_of(process: subprocess.Popen[str]) -> list[str]:
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 2
    return complaint.splitlines()


def test_missing_keys_get_one_sentence(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    with agent(tmp_path, port=port, secret="") as process:
        (sentence,) = complaint_of(process)
    assert "LIVEKIT_API_SECRET" in sentence


def test_a_taken_port_gets_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with agent(tmp_path, port=port) as process:
            (sentence,) = complaint_of(process)
    assert f"port {port}" in sentence
    assert "server.health_check_port" in sentence


def test_an_unknown_key_gets_one_sentence(tmp_path: Path) -> None:
    with agent(tmp_path, port=0) as process:  # a port of 0 is no setting
        (sentence,) = complaint_of(process)
    assert "health_check_port" in sentence


def test_a_killed_agent_leaves_no_folder_of_metrics_where_it_was_given_one(
    tmp_path: Path, temporary: Path
) -> None:
    given = tmp_path / "given"
    (port,) = free_ports(1)
    with agent(tmp_path, port=port, metrics=given) as process:
        assert process.stderr is not None
        next(line for line in process.stderr if "starting worker" in line)
        process.kill()
    assert given.is_dir()
    assert list(temporary.glob("parley-agent-metrics-*")) == []


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("after", ["starting worker", "process initialized"])
def test_a_signal_ends_it_cleanly_whenever_it_comes(
    tmp_path: Path, temporary: Path, stop: signal.Signals, after: str
) -> None:
    (port,) = free_ports(1)
    with agent(tmp_path, port=port) as process:
        assert process.stderr is not None
        next(line for line in process.stderr if after in line)
        process.send_signal(stop)
        _, rest = process.communicate(timeout=60)
        assert process.returncode == 0, rest
        assert "Traceback" not in rest
    assert list(temporary.glob("parley-agent-metrics-*")) == []
