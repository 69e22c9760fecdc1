"""The chat page: suggestions are buttons, products are cards, and a reload goes on."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn
from playwright.async_api import async_playwright, expect

from gateway.__main__ import serving
from gateway.app import create_app
from ops.supervisor.stack import Stack
from parley import paths
from parley.settings.orchestrator import AgentSection, OrchestratorSettings
from tests.gateway.conftest import settings_with

pytestmark = [pytest.mark.browser, pytest.mark.servers]

WITHIN_MS = 60_000


@asynccontextmanager
async def shop_gateway() -> AsyncIterator[str]:
    """A gateway whose app is the shopping assistant; its address."""
    usual = settings_with()
    settings: OrchestratorSettings = usual.model_copy(
        update={"agent": AgentSection(app="apps.shopping:agent")}
    )
    app = create_app(settings, page_folder=paths.repository() / "web" / "dist")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(serving(app))
        running = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await running


async def test_a_wish_ends_in_cards(
    front: Stack, chromium: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`front` has built the page."""
    del front
    monkeypatch.setenv("PARLEY_STATE_DIR", str(tmp_path))
    complaints: list[str] = []
    async with shop_gateway() as address, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, chromium_sandbox=False)
        page = await browser.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(f"{address}/chat")
        field = page.get_by_label("Your message")
        await expect(page.get_by_role("button", name="Send")).to_be_enabled(timeout=WITHIN_MS)
        await field.fill("running shoes under $100")
        await field.press("Enter")
        suggestion = page.get_by_role("button", name="9.5", exact=True)
        await expect(suggestion).to_be_visible(timeout=WITHIN_MS)
        await page.reload()
        await expect(suggestion).to_be_visible(timeout=WITHIN_MS)  # the question waits
        await suggestion.click()
        await expect(page.locator(".product").nth(3)).to_be_visible(timeout=WITHIN_MS)
        await expect(page.get_by_role("log")).to_contain_text("that fit", timeout=WITHIN_MS)
        await page.screenshot(path=tmp_path / "chat.png")
        await browser.close()
    assert complaints == []
