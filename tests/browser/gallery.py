"""The page in each of its states, without a call: built apart, and served by a gateway."""

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from playwright.async_api import Page
from pydantic import SecretStr

from gateway.app import create_app
from ops.toolchain.node import ensure_node
from ops.toolchain.web import ensure_page
from parley import paths
from parley.settings.orchestrator import LiveKitSection, OrchestratorSettings, ServerSection
from parley.settings.record import RecordSection
from testkit.isolated_config import free_ports

SECRET = "a secret of more than thirty-two characters"
STARTS_WITHIN_S = 60.0

# Preact's effects run after the frame that is drawn next.
_DRAWN = """
() => new Promise((resolve) =>
  requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(resolve))))
"""


def build_gallery(folder: Path) -> None:
    """Builds web/gallery.html into `folder`."""
    ensure_page()  # fetches what a build needs
    vite = ("node_modules/vite/bin/vite.js", "build", "--mode", "gallery")
    subprocess.run(
        [str(ensure_node().node), *vite, "--outDir", str(folder), "--emptyOutDir"],
        cwd=paths.repository() / "web",
        check=True,
        capture_output=True,
    )
    (folder / "gallery.html").rename(folder / "index.html")  # the one page of this build


@contextmanager
def serving_page(page_folder: Path, *, calls: Path | None = None) -> Iterator[str]:
    """The address of a gateway that serves this build, and the records in `calls`."""
    (port,) = free_ports(1)
    settings = OrchestratorSettings(
        server=ServerSection(admission="open"),
        livekit=LiveKitSection(url="ws://127.0.0.1:1", api_key="k", api_secret=SecretStr(SECRET)),
        record=RecordSection(place=str(calls or "")),
    )
    app = create_app(settings, page_folder=page_folder)
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None))
    thread = threading.Thread(target=server.run, name="gateway", daemon=True)
    thread.start()
    until_s = time.monotonic() + STARTS_WITHIN_S
    while not server.started and time.monotonic() < until_s:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.should_exit = True
        thread.join()


async def open_state(page: Page, address: str, state: str) -> None:
    """Shows the page in that state: a name of STATES in web/src/gallery/states.ts."""
    await page.goto(f"{address}?state={state}")
    await page.locator(".page").wait_for()


async def show(page: Page, change: dict[str, Any]) -> None:
    """Changes the state of the call, as a real one would; returns when that is drawn."""
    await page.evaluate("change => show(change)", change)
    await drawn(page)


async def show_first(page: Page, name: str) -> None:
    """What comes first in a call: a name of FIRSTS; returns when it is drawn."""
    await page.evaluate("name => show(firsts[name])", name)
    await drawn(page)


async def drawn(page: Page) -> None:
    """Waits until the page has drawn its state, and what follows from that drawing."""
    await page.evaluate(_DRAWN)
