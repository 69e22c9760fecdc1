"""A person talks with the agent through the page."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from ops.supervisor.stack import Stack
from tests.browser.conftest import (
    QUESTION,
    Open,
    hears_more_than,
    received_energy,
    sends_more_than,
    spoken_energy,
)

pytestmark = [pytest.mark.browser, pytest.mark.e2e]

ANSWER_WITHIN_MS = 90_000
HEARD = 0.001
"""Half a second of quiet speech; what comes without any speech is below a thousandth of it."""


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]+", text.lower()))


async def start(page: Page, button: str = "Start the call") -> None:
    await page.get_by_role("button", name=button).click()
    await expect(page.locator(".page")).to_have_attribute("data-phase", "live", timeout=30_000)


async def test_both_transcripts_appear_and_the_answer_is_heard(
    stack: Stack, open_page: Open, question: Path
) -> None:
    async with open_page(stack, microphone=question) as page:
        await start(page)
        greeting = page.locator(".line-agent[data-status=final]")
        await expect(greeting.first).to_be_visible(timeout=ANSWER_WITHIN_MS)
        before = await received_energy(page)
        person = page.locator(".line-person[data-status=final] .words")
        await expect(person.first).to_be_visible(timeout=ANSWER_WITHIN_MS)
        answer = page.locator(".line-person ~ .line-agent .words").first
        await expect(answer).to_have_text(re.compile(r"\w+"), timeout=ANSWER_WITHIN_MS)
        await expect(page.locator(".latency-figure")).to_have_text(
            re.compile(r"\d+ ms"), timeout=ANSWER_WITHIN_MS
        )
        await expect(page.locator(".line-agent").last).to_have_attribute(
            "data-status", "final", timeout=ANSWER_WITHIN_MS
        )
        heard = words(" ".join(await person.all_inner_texts()))
        assert len(heard & words(QUESTION)) >= 4
        await hears_more_than(page, before + HEARD)
        await sends_more_than(page, HEARD)


async def test_a_typed_message_is_answered_aloud_without_any_microphone(
    stack: Stack, open_page: Open
) -> None:
    async with open_page(stack) as page:
        await start(page, "or only type")
        greeting = page.locator(".line-agent[data-status=final]")
        await expect(greeting.first).to_be_visible(timeout=ANSWER_WITHIN_MS)
        before = await received_energy(page)
        message = page.get_by_role("textbox", name="Message")
        await message.fill("How many days has a week?")
        await message.press("Enter")
        await expect(message).to_have_value("")
        await expect(page.locator(".line-person")).to_contain_text("How many days has a week?")
        answer = page.locator(".line-person ~ .line-agent[data-status=final] .words").first
        await expect(answer).to_have_text(re.compile(r"\w+"), timeout=ANSWER_WITHIN_MS)
        await hears_more_than(page, before + HEARD)
        assert await spoken_energy(page) == 0
        # A page that is loaded again has lost its call, and none of its words.
        await page.reload()
        await expect(page.locator(".line-person")).to_contain_text("How many days has a week?")
        await page.get_by_role("button", name="Go on from here").click()
        await expect(page.locator(".page")).to_have_attribute("data-phase", "live", timeout=30_000)
        await expect(page.get_by_role("button", name="Use microphone")).to_be_visible()
        await expect(page.locator(".line-person")).to_contain_text("How many days has a week?")


async def spoken_within(page: Page, *, ms: float) -> float:
    """The energy that the page sends in the next `ms`."""
    before = await spoken_energy(page)
    await page.wait_for_timeout(ms)
    return await spoken_energy(page) - before


async def test_a_muted_person_is_not_heard(stack: Stack, open_page: Open, chatter: Path) -> None:
    async with open_page(stack, microphone=chatter) as page:
        await start(page)
        await sends_more_than(page, HEARD)
        await page.keyboard.press("m")
        await expect(page.get_by_role("button", name="Unmute")).to_be_visible()
        # What was captured before may still be on its way; the person never pauses so long.
        quiet = [await spoken_within(page, ms=2000) for _ in range(3)]
        assert min(quiet) < HEARD / 100
        await page.get_by_role("button", name="Unmute").click()
        await expect(page.get_by_role("button", name="Mute", exact=True)).to_be_visible()
        await sends_more_than(page, await spoken_energy(page) + HEARD)
