"""`python -m gateway` as the supervisor runs it."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from parley import paths
from testkit.isolated_config import free_ports
from tests.gateway.conftest import API_KEY, API_SECRET, UNREACHABLE

pytestmark = pytest.mark.servers


@contextmanager
def gateway(
    folder: Path, *, port: int, secret: str = API_SECRET
) -> Iterator[subprocess.Popen[str]]:
    (folder / "orchestrator.yaml").write_text(
        f"server: {{port: {port}, gateway_health_port: {free_ports(1)[0]}, admission: open}}\n"
        f"livekit: {{url: 'ws://{UNREACHABLE}', api_key: {API_KEY}, api_secret: '{secret}'}}\n"
        f"tts: {{worker_address: '{UNREACHABLE}'}}\n"
    )
    unset = ("LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET")
    environment = {key: value for key, value in os.environ.items() if key not in unset}
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway"],
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


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_the_gateway_serves_until_it_is_told_to_stop(tmp_path: Path, stop: signal.Signals) -> None:
    port = free_ports(1)[0]
    with gateway(tmp_path, port=port) as process:
        assert process.stderr is not None
        listening = next(line for line in process.stderr if "listening" in line)
        assert str(port) in listening
        assert httpx.post(f"http://127.0.0.1:{port}/api/token").status_code == 201
        process.send_signal(stop)
        _, rest = process.communicate(timeout=20)
        assert process.returncode == 0
        assert "Traceback" not in rest


def test_a_taken_port_gets_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with gateway(tmp_path, port=port) as process:
            _, complaint = process.communicate(timeout=30)
    assert process.returncode == 2
    assert complaint.splitlines() == [
        f"port {port} on 127.0.0.1 is in use: stop what listens there, "
        "or set server.port in configs/orchestrator.yaml"
    ]


def test_keys_that_cannot_work_get_one_sentence(tmp_path: Path) -> None:
    with gateway(tmp_path, port=free_ports(1)[0], secret="short") as process:
        _, complaint = process.communicate(timeout=30)
    assert process.returncode == 2
    assert complaint.splitlines() == [
        "LIVEKIT_API_SECRET has 5 characters; LiveKit wants at least 32"
    ]
