"""Small real processes that stand for parts: an HTTP server each, with children where asked."""

import os
import sys
from pathlib import Path

from ops.supervisor.part import ListeningPort, Part
from testkit.isolated_config import free_ports

_SERVER = """
import http.server, os, signal, subprocess, sys
port, marker, child = int(sys.argv[1]), sys.argv[2], sys.argv[3]
if sys.argv[4] and os.path.exists(sys.argv[4]):
    sys.exit(int(sys.argv[5]))
if child:
    # A daemon that left its parent's session and takes no SIGTERM.
    subprocess.Popen(["setsid", "sh", "-c", f"trap '' TERM; while :; do sleep 1; done; : {marker}"])
print("serving", flush=True)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/die":
            print("about to die", flush=True)
            os._exit(3)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(marker.encode())
    def log_message(self, *arguments):
        pass
class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *arguments):
        pass  # a client that no longer waits
Server(("127.0.0.1", port), Handler).serve_forever()
"""


def server_part(
    name: str,
    *,
    marker: str = "marker",
    after: tuple[str, ...] = (),
    child: bool = False,
    fails_while: Path | None = None,
    failing_with: int = 1,
) -> Part:
    """A part that serves HTTP; GET /die has it exit with status 3. While there is such a file, it
    ends as soon as it begins."""
    (port,) = free_ports(1)
    serving = (str(port), marker, "child" if child else "", str(fails_while or ""))
    return Part(
        name=name,
        command=(sys.executable, "-c", _SERVER, *serving, str(failing_with)),
        environment={"PATH": os.environ["PATH"]},
        ready_url=f"http://127.0.0.1:{port}/",
        ports=(ListeningPort(port, "127.0.0.1", f"{name}.port"),),
        after=after,
        stop_within_s=3.0,
    )


def script_part(name: str, script: str, *, ready_within_s: float = 60.0) -> Part:
    """A part that runs `script` in Python and is never ready."""
    return Part(
        name=name,
        command=(sys.executable, "-c", script),
        environment={"PATH": os.environ["PATH"]},
        ready_url=f"http://127.0.0.1:{free_ports(1)[0]}/",
        ready_within_s=ready_within_s,
        stop_within_s=3.0,
    )


def processes_with(marker: str) -> list[int]:
    """The pids of all processes that have `marker` on their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes().decode(errors="replace")
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if marker in command and state != "Z":
                found.append(int(entry.name))
    return found
