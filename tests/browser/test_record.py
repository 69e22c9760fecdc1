"""The page of a recorded call: an operator sees what happened, and hears it."""

import re
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn
from playwright.async_api import Page, ViewportSize, async_playwright, expect
from pydantic import SecretStr

from gateway.app import create_app
from ops.toolchain.web import ensure_page
from parley.settings.orchestrator import LiveKitSection, OrchestratorSettings, ServerSection
from parley.settings.record import RecordSection
from testkit.isolated_config import free_ports
from testkit.made_record import CUT_HEARD, CUT_MADE, make_record

pytestmark = [pytest.mark.browser]

KEY = "an operators' key of some length"
LONG_MS = 60_000


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of the record's page."""
    folder = tmp_path_factory.mktemp("calls")
    record_id = make_record(folder)
    (port,) = free_ports(1)
    settings = OrchestratorSettings(
        server=ServerSection(admission="open"),
        livekit=LiveKitSection(url="ws://127.0.0.1:1", api_key="k", api_secret=SecretStr("s" * 40)),
        record=RecordSection(place=str(folder), operator_key=SecretStr(KEY)),
    )
    app = create_app(settings, page_folder=ensure_page())
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None))
    thread = threading.Thread(target=server.run, name="gateway", daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{port}/calls/{record_id}"
    server.should_exit = True
    thread.join()


@asynccontextmanager
async def opened(
    chromium: str, address: str, viewport: ViewportSize | None = None
) -> AsyncIterator[Page]:
    """The page, in which nothing failed and no policy was broken."""
    complaints: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium,
            args=["--autoplay-policy=no-user-gesture-required"],
            chromium_sandbox=False,
        )
        try:
            page = await browser.new_page(viewport=viewport or ViewportSize(width=1280, height=900))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on(
                "console",
                lambda told: complaints.append(told.text) if "Policy" in told.text else None,
            )
            await page.goto(address)
            yield page
        finally:
            await browser.close()
    assert complaints == []


async def test_the_record_is_shown_and_played(chromium: str, address: str, tmp_path: Path) -> None:
    async with opened(chromium, f"{address}#key={KEY}") as page:
        await expect(page.locator(".turn")).to_have_count(5, timeout=LONG_MS)
        await expect(page).not_to_have_url(re.compile("key"))
        cut = page.locator(".turn").nth(2).locator(".said-agent")
        await expect(cut.locator("del")).to_have_text(
            "Not heard: " + CUT_MADE.removeprefix(CUT_HEARD), use_inner_text=False
        )
        await expect(page.locator(".picture").first).to_contain_text("end of turn")
        late = page.locator(".turn").nth(3)
        await expect(late.locator(".response")).to_contain_text("650 over the objective of 650")
        place = page.get_by_role("slider", name="Place in the call")
        await page.get_by_role("button", name="Play", exact=True).click()
        await expect(place).to_have_attribute(
            "aria-valuetext", re.compile(r"0:(0[2-9]|[123]\d) of 0:34"), timeout=LONG_MS
        )
        await page.keyboard.press("Escape")
        await page.get_by_role("button", name="Pause").click()
        await page.screenshot(path=str(tmp_path / "record.png"), full_page=True)
        await page.get_by_role("button", name="Play from 0:26").click()
        await expect(page.locator(".turn").nth(4)).to_have_attribute("aria-current", "true")
        await expect(place).to_have_attribute(
            "aria-valuetext", re.compile(r"0:(2[6-9]|3\d) of 0:34"), timeout=LONG_MS
        )
        await page.get_by_role("button", name="Pause").click()
        await place.press("Home")
        await expect(place).to_have_attribute("aria-valuenow", "0")


async def test_it_fits_a_phone(chromium: str, address: str) -> None:
    phone = ViewportSize(width=360, height=740)
    async with opened(chromium, f"{address}#key={KEY}", phone) as page:
        await expect(page.locator(".turn")).to_have_count(5, timeout=LONG_MS)
        await expect(page.locator(".picture").first).to_contain_text("end of turn")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360


async def test_without_the_key_there_is_only_the_question_for_it(
    chromium: str, address: str
) -> None:
    async with opened(chromium, address) as page:
        field = page.get_by_label("Operators' key")
        await field.fill("not the key at all")
        await page.get_by_role("button", name="Open").click()
        await expect(page.get_by_role("alert")).to_contain_text("not the operators' key")
        await field.fill(KEY)
        await page.get_by_role("button", name="Open").click()
        await expect(page.locator(".turn")).to_have_count(5, timeout=LONG_MS)
