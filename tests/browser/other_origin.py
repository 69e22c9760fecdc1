"""A web server of somebody else, and a browser that looks at its pages."""

import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.async_api import Page, async_playwright

from ops.supervisor.stack import Stack

_TYPES = {".html": "text/html; charset=utf-8", ".mjs": "text/javascript"}


class Site:
    """Its pages by path; they may change while it serves."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.headers: Mapping[str, str] = {}
        self.origin = ""


@contextmanager
def site() -> Iterator[Site]:
    """Serves on a free port of this machine."""
    served = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = served.files.get(self.path.partition("?")[0])
            self.send_response(200 if body is not None else 404)
            self.send_header("Content-Type", _TYPES.get(Path(self.path).suffix, "text/html"))
            for name, value in served.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.origin = f"http://127.0.0.1:{server.server_address[1]}"
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        yield served
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


@asynccontextmanager
async def browsing(
    chromium: str, *, microphone: Path | None = None, arguments: Sequence[str] = ()
) -> AsyncIterator[Page]:
    """An empty page of a browser whose person allows `microphone`, a WAV file. `arguments`: more
    of the browser's program."""
    arguments = ["--autoplay-policy=no-user-gesture-required", *arguments]
    if microphone is not None:
        arguments += [
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-audio-capture={microphone}",
        ]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium,
            args=arguments,
            ignore_default_args=["--mute-audio"],
            chromium_sandbox=False,
        )
        try:
            yield await browser.new_page()
        finally:
            await browser.close()


def gateway_of(stack: Stack) -> str:
    server = stack.configuration.orchestrator.server
    return f"http://{server.host}:{server.port}"
