"""Each way to a LiveKit server is tried in turn; what works is kept."""

import dataclasses
import hashlib
import io
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ops.toolchain.livekit_server import (
    RELEASE,
    Release,
    ensure_livekit_server,
    find_livekit_server,
)
from ops.toolchain.programs import ProgramPackage
from parley.errors import ToolchainError
from tests.ops.toolchain.conftest import write_program

SERVER = b"#!/bin/sh\necho livekit-server version 1.13.5\n"
NO_GO = ProgramPackage("no-such-go==1.0", size_bytes=1)


def version(program: Path) -> str:
    return subprocess.check_output([program, "--version"], text=True).strip()


def archive(name: str, server: bytes = SERVER) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as files:
        member = tarfile.TarInfo(name)
        member.size = len(server)
        files.addfile(member, io.BytesIO(server))
    return buffer.getvalue()


def release_of(url: str, content: bytes) -> Release:
    sha256 = hashlib.sha256(content).hexdigest()
    return dataclasses.replace(RELEASE, url=url, sha256={"amd64": sha256, "arm64": sha256})


@pytest.fixture
def unreachable(unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch) -> Release:
    """A release nobody serves, on a machine without a package index."""
    monkeypatch.setenv("UV_OFFLINE", "1")
    return release_of(f"http://127.0.0.1:{unused_tcp_port}/x.tar.gz", b"")


@contextmanager
def serving_bytes(content: bytes) -> Iterator[Release]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield release_of(f"http://127.0.0.1:{server.server_port}/{{architecture}}", content)
        server.shutdown()
        thread.join()


@pytest.fixture
def published() -> Iterator[Release]:
    with serving_bytes(archive("livekit-server")) as release:
        yield release


def write_go(programs: Path, go_version: str, built: str) -> None:
    """A go that puts `built` where go install would."""
    script = f"""
if [ "$1" = version ]; then echo go version {go_version} linux/amd64; exit; fi
mkdir -p "$GOBIN"
cat > "$GOBIN/server" <<'END'
#!/bin/sh
{built}
END
chmod +x "$GOBIN/server"
"""
    write_program(programs / "go", script)


def test_a_server_on_path_is_used_as_it_is(
    cache: Path, programs: Path, unreachable: Release
) -> None:
    own = write_program(programs / "livekit-server", "echo livekit-server version 1.9.0")
    assert ensure_livekit_server(release=unreachable, go=NO_GO) == own
    assert not cache.exists()


def test_a_server_on_path_that_is_too_old_is_not_used(
    cache: Path, programs: Path, published: Release
) -> None:
    write_program(programs / "livekit-server", "echo livekit-server version 1.7.2")
    program = ensure_livekit_server(release=published, go=NO_GO)
    assert cache in program.parents


def test_the_release_is_fetched_once(cache: Path, programs: Path, published: Release) -> None:
    program = ensure_livekit_server(release=published, go=NO_GO)
    assert version(program) == "livekit-server version 1.13.5"
    nowhere = dataclasses.replace(published, url="http://127.0.0.1:1/")
    assert ensure_livekit_server(release=nowhere, go=NO_GO) == program


def test_a_release_with_the_wrong_sum_is_never_run_and_the_server_is_built(
    cache: Path, programs: Path, published: Release
) -> None:
    write_go(programs, "go1.26.8", "echo livekit-server version 0.0.1")
    wrong = dataclasses.replace(published, sha256={"amd64": "0" * 64, "arm64": "0" * 64})
    assert version(ensure_livekit_server(release=wrong)) == "livekit-server version 0.0.1"


def test_without_a_release_it_is_built_with_the_go_on_path(
    cache: Path, programs: Path, unreachable: Release
) -> None:
    write_go(programs, "go1.26.8", "echo livekit-server version 1.13.5")
    reports: list[tuple[str, int, int | None]] = []
    program = ensure_livekit_server(
        lambda *report: reports.append(report), release=unreachable, go=NO_GO
    )
    assert version(program) == "livekit-server version 1.13.5"
    assert "building it" in reports[0][0]
    assert reports[-1][1:] == (1, 1)
    assert {file.name for file in program.parent.iterdir()} == {program.name, ".stamp"}


@pytest.mark.parametrize(
    ("go_version", "built", "reason"),
    [
        ("go1.21.0", "", "no-such-go==1.0"),  # too old: the package is asked for, and is not there
        ("go1.26.8", "exit 1", "does not run on this machine"),
    ],
)
def test_when_nothing_works_each_attempt_is_named(
    cache: Path, programs: Path, unreachable: Release, go_version: str, built: str, reason: str
) -> None:
    write_go(programs, go_version, built)
    with pytest.raises(ToolchainError) as caught:
        ensure_livekit_server(release=unreachable, go=NO_GO)
    message = str(caught.value)
    assert "not on PATH" in message
    assert "its release could not be fetched" in message
    assert "could not be built" in message
    assert reason in message
    assert not (cache / "toolchain" / "livekit-server-1.13.5").exists()


@pytest.mark.servers
@pytest.mark.timeout(900)
def test_the_pinned_server_can_be_had_on_a_machine_with_nothing(programs: Path) -> None:
    assert version(ensure_livekit_server()) == "livekit-server version 1.13.5"


@pytest.mark.parametrize("kept", [0, 1, 20, len(SERVER) - 1])
@pytest.mark.parametrize("is_marked", [True, False])
def test_a_cached_server_that_has_lost_its_end_is_fetched_anew(
    cache: Path, programs: Path, published: Release, kept: int, is_marked: bool
) -> None:
    program = ensure_livekit_server(release=published, go=NO_GO)
    if not is_marked:
        (program.parent / ".stamp").unlink()
        kept = min(kept, 20)  # one that nobody has marked is only asked whether it runs
    program.write_bytes(SERVER[:kept])
    assert find_livekit_server(release=published) is None
    assert ensure_livekit_server(release=published, go=NO_GO) == program
    assert program.read_bytes() == SERVER


def test_one_from_before_there_were_marks_is_asked_whether_it_runs(
    cache: Path, programs: Path, published: Release, unreachable: Release
) -> None:
    program = ensure_livekit_server(release=published, go=NO_GO)
    (program.parent / ".stamp").unlink()
    assert ensure_livekit_server(release=unreachable, go=NO_GO) == program
    assert (program.parent / ".stamp").exists()


def test_a_release_that_does_not_run_is_not_kept(
    cache: Path, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is for another machine, say: then one is built, or the sentence says why not."""
    monkeypatch.setenv("UV_OFFLINE", "1")
    content = archive("livekit-server", b"#!/bin/sh\nexit 3\n")
    with serving_bytes(content) as release, pytest.raises(ToolchainError, match="does not run"):
        ensure_livekit_server(release=release, go=NO_GO)
    assert not list(cache.glob("toolchain/livekit-server-*/livekit-server"))
