"""Chromium with a fake microphone, and the page in it."""

import json
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest
import soundfile
from playwright.async_api import (
    ConsoleMessage,
    Error,
    Page,
    ViewportSize,
    async_playwright,
    expect,
)

from ops.supervisor.stack import Stack

WITHIN_MS = 60_000
"""In which a state has to come: nothing is said about speed."""
expect.set_options(timeout=WITHIN_MS)

QUESTION = "What is the capital of France?"
_CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_DESKTOP = ViewportSize(width=1280, height=800)

# Keeps the page's connections where a test can ask them for statistics.
_KEEP_CONNECTIONS = """
window.connections = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...parameters) {
    super(...parameters);
    window.connections.push(this);
  }
};
"""

_AUDIO_ENERGY = """
async (type) => {
  let energy = 0;
  for (const connection of window.connections) {
    for (const report of (await connection.getStats()).values()) {
      if (report.type === type && report.kind === "audio") energy += report.totalAudioEnergy ?? 0;
    }
  }
  return energy;
}
"""


class Open(Protocol):
    def __call__(
        self,
        stack: Stack,
        *,
        microphone: Path | None = ...,
        allowed: bool = ...,
        viewport: ViewportSize = ...,
        limits: Mapping[str, object] = ...,
    ) -> AbstractAsyncContextManager[Page]: ...


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's program."""
    for name in _CHROMIUMS:
        if program := shutil.which(name):
            return program
    pytest.skip(f"no browser: none of {', '.join(_CHROMIUMS)} is on PATH")


@pytest.fixture
def open_page(chromium: str) -> Open:
    """Opens the page of a stack; fails where its code fails or its security policy is broken.

    `microphone` is a WAV file that is spoken in a loop into a microphone, which the person has
    `allowed` or not; without it the page has whatever microphone the machine has, unallowed.
    `limits` of the call in place of those of web/src/call/limits.ts.
    """

    @asynccontextmanager
    async def opened(
        stack: Stack,
        *,
        microphone: Path | None = None,
        allowed: bool = True,
        viewport: ViewportSize = _DESKTOP,
        limits: Mapping[str, object] | None = None,
    ) -> AsyncIterator[Page]:
        arguments = ["--autoplay-policy=no-user-gesture-required"]
        if microphone is not None:
            arguments += [
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-audio-capture={microphone}",
            ]
            if allowed:
                arguments.append("--use-fake-ui-for-media-stream")
        complaints: list[str] = []

        def on_console(message: ConsoleMessage) -> None:
            if "Content Security Policy" in message.text:
                complaints.append(message.text)

        def on_error(error: Error) -> None:
            complaints.append(str(error))

        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=chromium,
                args=arguments,
                ignore_default_args=["--mute-audio"],
                chromium_sandbox=False,
            )
            try:
                page = await browser.new_page(viewport=viewport)
                page.on("console", on_console)
                page.on("pageerror", on_error)
                await page.add_init_script(_KEEP_CONNECTIONS)
                if limits:
                    await page.add_init_script(f"window.parleyLimits = {json.dumps(limits)};")
                await page.goto(page_url(stack))
                yield page
            finally:
                await browser.close()
        assert complaints == []

    return opened


def page_url(stack: Stack) -> str:
    server = stack.configuration.orchestrator.server
    return f"http://{server.host}:{server.port}/"


async def received_energy(page: Page) -> float:
    """What the page has heard so far: squared amplitude, full scale 1, times seconds."""
    return float(await page.evaluate(_AUDIO_ENERGY, "inbound-rtp"))


async def spoken_energy(page: Page) -> float:
    """What the page has sent so far, as `received_energy`."""
    return float(await page.evaluate(_AUDIO_ENERGY, "media-source"))


async def hears_more_than(page: Page, energy: float) -> None:
    """Waits until `received_energy` is more."""
    await _has_more_than(page, "inbound-rtp", energy)


async def sends_more_than(page: Page, energy: float) -> None:
    """Waits until `spoken_energy` is more."""
    await _has_more_than(page, "media-source", energy)


async def _has_more_than(page: Page, report: str, energy: float) -> None:
    await page.wait_for_function(
        f"([type, energy]) => ({_AUDIO_ENERGY})(type).then((now) => now > energy)",
        arg=[report, energy],
        timeout=WITHIN_MS,
    )


@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes a WAV of spoken words between silences; deterministic."""
    from hibari import SAMPLE_RATE, Hibari  # noqa: PLC0415 - its weights load at import

    engine = Hibari()

    def make(text: str, *, before_s: float, after_s: float) -> Path:
        words = engine(text, seed=1)
        samples = np.concatenate(
            [
                np.zeros(int(before_s * SAMPLE_RATE), np.float32),
                words,
                np.zeros(int(after_s * SAMPLE_RATE), np.float32),
            ]
        )
        file = tmp_path_factory.mktemp("microphone") / "speech.wav"
        soundfile.write(file, samples, SAMPLE_RATE, subtype="PCM_16")
        return file

    return make


@pytest.fixture(scope="session")
def question(speech: Callable[..., Path]) -> Path:
    """QUESTION, asked once: the greeting has ended before it, and the loop is never reached."""
    return speech(QUESTION, before_s=12, after_s=300)


@pytest.fixture(scope="session")
def chatter(speech: Callable[..., Path]) -> Path:
    """Somebody who never stops talking."""
    return speech("One two three four five six seven eight nine ten.", before_s=0, after_s=0)


@pytest.fixture(scope="session")
def front(start_shared: Callable[..., Stack]) -> Stack:
    """The page with a LiveKit server, but no agent."""
    return start_shared("livekit", "gateway")
