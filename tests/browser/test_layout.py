"""What a person presses stands still, on every screen; and what is left of a call can be kept."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Page, ViewportSize, async_playwright, expect

from gateway.calls.session_keys import SessionKeys
from parley.records.lines import AUDIO_FILE
from testkit.made_record import make_record
from tests.browser.gallery import (
    SECRET,
    build_gallery,
    drawn,
    open_state,
    serving_page,
    show,
    show_first,
)
from tests.browser.test_access import widest_overhang_px

pytestmark = [pytest.mark.browser]

LONG_MS = 60_000
CALLER = SessionKeys(SECRET).new()
SCREENS = {
    "desktop": ViewportSize(width=1280, height=800),
    "phone": ViewportSize(width=390, height=844),
    "lying phone": ViewportSize(width=844, height=390),
    "smallest phone": ViewportSize(width=320, height=568),
}
FIRSTS = {
    "words": ".line-agent >> text=The sun is about",
    "figure": ".latency-figure",
    "banner": "role=alert >> text=Something went wrong",
    "recorded": ".recorded >> text=recorded",
    "suggestions": "role=button[name='Yes, please']",
    "muted": "role=button[name='Unmute']",
    "lost": ".page[data-phase=reconnecting]",
    "offered": "role=alert >> text=is not coming back",
}
"""What shows each, in the order in which they come; each stays."""

_PLACES = """
() => [...document.querySelectorAll(".dock :is(button, input), .header > button, .side select")]
  .map((control) => {
    const { x, y, width, height } = control.getBoundingClientRect();
    return [x, y, width, height].map((edge) => Math.round(edge)).join(" ");
  })
"""
_BELOW_PX = "() => document.querySelector('.dock').getBoundingClientRect().bottom - innerHeight"
_DURATION_S = """
(sound) => sound.duration || new Promise((resolve) =>
  sound.addEventListener("loadedmetadata", () => resolve(sound.duration)))
"""
_WORDS_PX = "() => document.querySelector('.transcript').clientHeight"


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("calls")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, calls: Path) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("gallery")
    build_gallery(folder)
    with serving_page(folder, calls=calls) as address:
        yield address


@asynccontextmanager
async def looking(chromium: str, screen: ViewportSize) -> AsyncIterator[Page]:
    """A browser's page, in which nothing failed and no policy was broken."""
    complaints: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, chromium_sandbox=False)
        try:
            context = await browser.new_context(viewport=screen, timezone_id="UTC")
            page = await context.new_page()
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on(
                "console",
                lambda told: complaints.append(told.text) if "Policy" in told.text else None,
            )
            yield page
        finally:
            await browser.close()
    assert complaints == []


@pytest.mark.parametrize("screen", SCREENS)
async def test_no_control_moves_when_something_comes_first(
    chromium: str, address: str, screen: str
) -> None:
    async with looking(chromium, SCREENS[screen]) as page:
        await open_state(page, address, "connecting")
        await show_first(page, "moment")
        await expect(page.locator(".hint")).to_be_visible()
        before = await page.evaluate(_PLACES)
        assert len(before) >= 5
        assert await page.evaluate(_BELOW_PX) <= 0
        moved = {}
        for name, shows in FIRSTS.items():
            await show_first(page, name)
            await expect(page.locator(shows)).to_be_visible()
            if (after := await page.evaluate(_PLACES)) != before:
                moved[name] = after
            assert await widest_overhang_px(page) <= 0, name
        assert await page.evaluate(_WORDS_PX) >= 32
    assert moved == {}


async def test_on_a_phone_the_settings_are_a_sheet_that_moves_nothing(
    chromium: str, address: str
) -> None:
    async with looking(chromium, SCREENS["phone"]) as page:
        await open_state(page, address, "listening")
        await expect(page.locator(".line").first).to_be_visible()
        await drawn(page)
        before = await page.evaluate(_PLACES)
        button = page.get_by_role("button", name="Settings", exact=True)
        sheet = page.get_by_role("dialog", name="Settings")
        await button.click()
        await expect(sheet.get_by_label("Microphone")).to_be_visible()
        assert await page.evaluate(_PLACES) == before
        # Esc is the sheet's: it closes it, and is no half of what ends a call.
        await page.keyboard.press("Escape")
        await expect(sheet).to_be_hidden()
        await expect(button).to_be_focused()
        await expect(page.locator(".floor")).not_to_contain_text("Press Esc again")
        await button.click()
        await page.mouse.click(195, 20)  # beside it
        await expect(sheet).to_be_hidden()
        assert await page.evaluate(_PLACES) == before


async def test_the_systems_own_colors_leave_every_shape(chromium: str, address: str) -> None:
    async with looking(chromium, SCREENS["phone"]) as page:
        await page.emulate_media(forced_colors="active")
        await open_state(page, address, "before")
        await expect(page.locator(".button-start")).to_be_visible()
        edges = await page.evaluate(
            """() => {
              const start = getComputedStyle(document.querySelector(".button-start"));
              const ground = getComputedStyle(document.body).backgroundColor;
              return { edge: start.borderTopColor, width: start.borderTopWidth, ground };
            }"""
        )
        assert edges["width"] == "1px"
        assert edges["edge"] != edges["ground"]
        await open_state(page, address, "speaking")
        await expect(page.locator(".floor-dot")).to_be_visible()
        dot = await page.evaluate(
            """() => [".floor-dot", "body"].map(
              (each) => getComputedStyle(document.querySelector(each)).backgroundColor)"""
        )
        assert dot[0] != dot[1]


async def test_what_was_said_can_be_copied_and_kept(chromium: str, address: str) -> None:
    async with looking(chromium, SCREENS["desktop"]) as page:
        await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await open_state(page, address, "ended")
        await page.get_by_role("button", name="Copy the words").click()
        await expect(page.get_by_text("Copied")).to_be_visible()
        copied = await page.evaluate("navigator.clipboard.readText()")
        async with page.expect_download(timeout=LONG_MS) as downloading:
            await page.get_by_role("button", name="Download them").click()
        download = await downloading.value
        kept = (await download.path()).read_text(encoding="utf-8")
        await expect(page.locator(".transcript time").first).to_have_text("09:05:07")
    assert kept == copied
    assert download.suggested_filename == "parley-2026-11-28-0905.txt"
    lines = kept.splitlines()
    assert lines[2] == "[09:05:07] Parley: Hello, this is Parley. What would you like to know?"
    assert lines[6].endswith("million kilometers away, — (interrupted)")


async def test_the_caller_hears_and_keeps_the_recording(
    chromium: str, address: str, calls: Path
) -> None:
    record_id = make_record(calls, session=CALLER.id)
    async with looking(chromium, SCREENS["phone"]) as page:
        await open_state(page, address, "ended")
        await show(page, {"session": CALLER.key, "records": [record_id]})
        await page.get_by_role("button", name="Hear the recording").click()
        sound = page.locator("audio[controls]")
        await expect(sound).to_be_visible(timeout=LONG_MS)
        assert await sound.evaluate(_DURATION_S) > 30
        async with page.expect_download(timeout=LONG_MS) as downloading:
            await page.get_by_role("link", name="Keep the recording").click()
        download = await downloading.value
        kept = (await download.path()).read_bytes()
        assert await widest_overhang_px(page) <= 0
    assert kept == (calls / record_id / AUDIO_FILE).read_bytes()
    assert re.fullmatch(r"parley-2026-11-28-\d{4}\.flac", download.suggested_filename)
