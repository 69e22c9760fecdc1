"""Pictures of every state of the page, on every screen, light and dark.

    python -m tests.browser.states docs/page [--only 390x844] [--each FOLDER] [--axe]

writes a contact sheet for each screen. --each keeps the single pictures. --axe has axe-core look at
each, and ends with 1 where it finds a violation in any state.
"""

import argparse
import asyncio
import io
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from playwright.async_api import Browser, Page, ViewportSize, async_playwright

from tests.browser.gallery import build_gallery, open_state, serving_page, violations

NOW = datetime(2026, 11, 28, 9, 5, 56, tzinfo=UTC)
RIBBON_MS = 7000
"""Until the ribbon has filled and its turn has been told."""
BEFORE_MS = 500
"""Until the voices have been asked for."""
SCHEMES = ("light", "dark")
CAPTION_PX, GAP_PX = 26, 12
VOICES = {
    "voices": [
        {
            "name": f"piper-en-us-{name}-medium",
            "engine": "piper",
            "languages": ["en-US"],
            "ready": True,
            "default": name == "joe",
        }
        for name in ("joe", "amy")
    ]
}

_HERE = {"engine": "", "here": True, "ok": True}
ABOUT = {
    "status": "healthy",
    "ear": {"model": "moonshine-base-en", **_HERE},
    "mind": {"model": "qwen2.5-1.5b-instruct", **_HERE},
    "voice": {"model": "piper-en-us-joe-medium", **_HERE},
    "questions": ["How far away is the moon?", "What can I cook with three eggs?"],
    "characters": [],
    "instructions": {"allowed": False, "longest": 0, "usual": ""},
    "kept": {"words_days": 30, "record": "audio", "record_days": 30},
}


@dataclass(frozen=True)
class Screen:
    """Its size in CSS pixels; `tile_px` and `columns` of its contact sheet (a state: two tiles)."""

    width: int
    height: int
    tile_px: int
    columns: int

    @property
    def name(self) -> str:
        return f"{self.width}x{self.height}"


SCREENS = (Screen(1280, 800, 400, 3), Screen(390, 844, 220, 5), Screen(844, 390, 400, 3))


@dataclass
class Pictures:
    """By state and scheme; `violations` as axe tells them."""

    taken: dict[tuple[str, str], Image.Image] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)


async def take(browser: Browser, address: str, screen: Screen, *, axe: bool) -> Pictures:
    """All states on that screen."""
    pictures = Pictures()
    for scheme in SCHEMES:
        context = await browser.new_context(
            viewport=ViewportSize(width=screen.width, height=screen.height),
            color_scheme="dark" if scheme == "dark" else "light",
            timezone_id="UTC",
        )
        page = await context.new_page()
        await page.route("**/api/voices", lambda route: route.fulfill(json=VOICES))
        await page.route("**/api/about*", lambda route: route.fulfill(json=ABOUT))
        await page.clock.install(time=NOW)
        await open_state(page, address, "before")
        pressed: dict[str, str] = await page.evaluate(
            "() => Object.fromEntries(Object.entries(states).map(([k, v]) => [k, v.pressed ?? '']))"
        )
        for state, button in pressed.items():
            await open_state(page, address, "before")
            await page.clock.run_for(BEFORE_MS)
            await page.locator("option[value^=piper]").first.wait_for(state="attached")
            await page.evaluate("name => enter(name)", state)
            await page.clock.run_for(RIBBON_MS)
            wanted = page.get_by_role("button", name=button, exact=True)
            if button and await wanted.count():
                await wanted.click()
            png = await page.screenshot()
            pictures.taken[state, scheme] = Image.open(io.BytesIO(png)).convert("RGB")
            if axe:
                told = await _violations(page)
                pictures.violations += [f"{screen.name} {scheme} {state}: {each}" for each in told]
        await context.close()
    return pictures


async def _violations(page: Page) -> list[str]:
    # axe waits with timers, which stand still on this page's clock.
    turning = asyncio.create_task(_turn(page))
    try:
        return await violations(page)
    finally:
        turning.cancel()
        await asyncio.gather(turning, return_exceptions=True)


async def _turn(page: Page) -> None:
    while True:
        await page.clock.run_for(50)


def contact_sheet(pictures: Pictures, screen: Screen) -> Image.Image:
    """Each state beside its name, light and dark."""
    states = list(dict.fromkeys(state for state, _ in pictures.taken))
    tile_height = round(screen.height * screen.tile_px / screen.width)
    cell_width = 2 * screen.tile_px + 2 * GAP_PX
    cell_height = tile_height + CAPTION_PX + GAP_PX
    rows = -(-len(states) // screen.columns)
    sheet = Image.new("RGB", (screen.columns * cell_width, rows * cell_height), "#8a8f93")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(16)
    for n, state in enumerate(states):
        left = n % screen.columns * cell_width + GAP_PX // 2
        top = n // screen.columns * cell_height
        draw.text((left + 4, top + 4), state, fill="#101316", font=font)
        for place, scheme in enumerate(SCHEMES):
            tile = pictures.taken[state, scheme].resize(
                (screen.tile_px, tile_height), Image.Resampling.LANCZOS
            )
            sheet.paste(tile, (left + place * (screen.tile_px + GAP_PX // 2), top + CAPTION_PX))
    return sheet


async def main(arguments: argparse.Namespace) -> int:
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        await asyncio.to_thread(build_gallery, Path(folder))
        with serving_page(Path(folder)) as address:
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(
                    executable_path=program, chromium_sandbox=False
                )
                for screen in SCREENS:
                    if arguments.only not in ("", screen.name):
                        continue
                    pictures = await take(browser, address, screen, axe=arguments.axe)
                    found += pictures.violations
                    sheet = contact_sheet(pictures, screen)
                    sheet.save(arguments.folder / f"states-{screen.name}.webp", quality=75)
                    if arguments.each:
                        for (state, scheme), picture in pictures.taken.items():
                            picture.save(arguments.each / f"{screen.name}-{state}-{scheme}.png")
                await browser.close()
    print("\n".join(found) or "no violation" if arguments.axe else "")
    return 1 if found else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", metavar="SCREEN")
    parser.add_argument("--each", type=Path)
    parser.add_argument("--axe", action="store_true")
    sys.exit(asyncio.run(main(parser.parse_args())))
