"""`python -m parley.probe`: what a container's health check runs every few seconds."""

import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from testkit.isolated_config import free_ports

_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def probed(url: str, *, without: str = "") -> subprocess.CompletedProcess[str]:
    """Asks in a process of its own; one that loads the module `without` fails."""
    blocked = f"import sys; sys.modules[{without!r}] = None; " if without else "import sys; "
    code = f"{blocked}from parley.probe import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, url]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


class _Part(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/well" else 503)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def http_url() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Part) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_part_over_http_is_asked_without_loading_grpc(http_url: str) -> None:
    assert probed(f"{http_url}/well", without="grpc").returncode == 0
    done = probed(f"{http_url}/ill", without="grpc")
    assert done.returncode == 1 and "answers 503" in done.stderr


def test_nobody_there_is_not_well() -> None:
    (port,) = free_ports(1)
    for url in (f"http://127.0.0.1:{port}/", f"grpc://127.0.0.1:{port}"):
        done = probed(url)
        assert done.returncode == 1 and done.stderr.strip()


@pytest.mark.parametrize(("status", "expected"), [(_SERVING, 0), (_NOT_SERVING, 1)])
def test_a_worker_is_asked_by_the_health_protocol(status: int, expected: int) -> None:
    server = grpc.server(ThreadPoolExecutor(2))
    servicer = health.HealthServicer()
    servicer.set("", status)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        # Nor settings, which take longer to load than the question to be answered.
        done = probed(f"grpc://127.0.0.1:{port}", without="pydantic")
    finally:
        server.stop(None).wait()
    assert done.returncode == expected, done.stderr
