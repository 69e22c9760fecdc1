"""The page on a phone, from the keyboard, and for a screen reader."""

from typing import Any

import pytest
from playwright.async_api import Page, ViewportSize, expect

from ops.supervisor.stack import Stack
from tests.browser.conftest import WITHIN_MS, Open

pytestmark = [pytest.mark.browser, pytest.mark.servers]

PHONE = ViewportSize(width=360, height=740)
CONTROLS = {"button", "textbox", "combobox", "checkbox", "link", "DisclosureTriangle"}


async def widest_overhang_px(page: Page) -> float:
    """How far anything visible reaches beyond the right edge."""
    overhang = await page.evaluate(
        """() => Math.max(
          document.documentElement.scrollWidth - innerWidth,
          ...[...document.querySelectorAll("body *")]
            .filter((element) => element.checkVisibility() && !element.closest(".unseen"))
            .map((element) => element.getBoundingClientRect().right - innerWidth))"""
    )
    return float(overhang)


async def controls(page: Page) -> list[tuple[str, str]]:
    """Role and accessible name of every control, as the browser tells assistive software."""
    session = await page.context.new_cdp_session(page)
    tree: dict[str, Any] = await session.send("Accessibility.getFullAXTree")
    return [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in tree["nodes"]
        if not node["ignored"] and node["role"]["value"] in CONTROLS
    ]


async def test_nothing_reaches_beyond_a_phones_screen(front: Stack, open_page: Open) -> None:
    async with open_page(front, viewport=PHONE) as page:
        await expect(page.locator(".before-parts")).to_be_visible()
        assert await widest_overhang_px(page) <= 0
        await page.get_by_role("button", name="Settings", exact=True).click()
        await expect(page.get_by_role("dialog", name="Settings")).to_be_visible()
        assert await widest_overhang_px(page) <= 0
        await page.get_by_role("button", name="Close settings").click()
        await page.get_by_role("button", name="or only type").click()
        await expect(page.get_by_role("button", name="End", exact=True)).to_be_visible()
        assert await widest_overhang_px(page) <= 0
        await expect(page.get_by_role("alert")).to_contain_text("No agent")
        assert await widest_overhang_px(page) <= 0


async def test_every_control_has_a_name(front: Stack, open_page: Open) -> None:
    async with open_page(front) as page:
        await expect(page.get_by_role("combobox", name="Microphone")).to_be_visible()
        idle = await controls(page)
        await page.get_by_role("button", name="or only type").click()
        await expect(page.get_by_role("textbox", name="Message")).to_be_visible()
        in_call = await controls(page)
    assert ("button", "Start the call") in idle
    assert ("combobox", "Microphone") in idle
    assert ("textbox", "Message") in in_call
    assert ("button", "Send message") in in_call
    nameless = [role for role, name in (*idle, *in_call) if not name.strip()]
    assert nameless == []


async def test_the_page_has_landmarks_one_heading_and_a_language(
    front: Stack, open_page: Open
) -> None:
    async with open_page(front) as page:
        await expect(page.locator("html")).to_have_attribute("lang", "en")
        await expect(page.get_by_role("main")).to_have_count(1)
        await expect(page.get_by_role("heading", level=1)).to_have_text("Parley")
        await expect(page.locator("[aria-live=polite]")).to_contain_text("Not in a call")


async def test_a_call_can_be_begun_and_ended_from_the_keyboard(
    front: Stack, open_page: Open
) -> None:
    async with open_page(front, limits={"endWithin_ms": WITHIN_MS}) as page:
        await expect(page.get_by_role("button", name="or only type")).to_be_enabled()
        for _ in range(20):
            await page.keyboard.press("Tab")  # has moved the focus when it returns
            if await page.evaluate("document.activeElement.textContent") == "or only type":
                break
        await page.keyboard.press("Enter")
        await expect(page.locator("[aria-live=polite]")).to_contain_text("Waiting for the agent")
        await expect(page.get_by_role("main")).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(page.locator(".floor")).to_contain_text("Press Esc again")
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("button", name="Start the call")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_text_stands_out_from_its_ground(front: Stack, open_page: Open, scheme: str) -> None:
    """WCAG 2.2 AA: 4.5 to 1 for text."""
    async with open_page(front) as page:
        await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        await page.wait_for_function(f"matchMedia('(prefers-color-scheme: {scheme})').matches")
        colors: dict[str, str] = await page.evaluate(
            """() => {
              const style = getComputedStyle(document.documentElement);
              return Object.fromEntries(
                ["paper", "sheet", "ink", "quiet", "person", "agent", "alarm", "alarm-sheet",
                 "on-accent"].map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
            }"""
        )
    pairs = [(text, ground) for text in ("ink", "quiet") for ground in ("paper", "sheet")]
    pairs += [(text, "paper") for text in ("person", "agent", "alarm")]
    pairs += [("ink", "alarm-sheet"), ("alarm", "alarm-sheet"), ("on-accent", "agent")]
    too_weak = [pair for pair in pairs if contrast(*(colors[name] for name in pair)) < 4.5]
    assert too_weak == []


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two #rrggbb colors as WCAG defines it."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(color: str) -> float:
    channels = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
