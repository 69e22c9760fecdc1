"""What a visitor sees before a call and in it: names, choices, tools, latency, the log."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from ops.supervisor.stack import Stack
from testkit.fake_llm import (
    FakeLlm,
    ScriptedAnswer,
    ScriptedToolCall,
    last_user_text,
    llm_serving,
    tool_results,
)
from testkit.isolated_config import free_ports, write_config
from tests.browser import visited_app
from tests.browser.conftest import WITHIN_MS, Open

pytestmark = [pytest.mark.browser, pytest.mark.e2e]

PARTS = ("livekit", "tts", "agent", "gateway")
QUESTION = "Where is my order?"
INSTRUCTIONS = "You are the desk of a bicycle shop, and in a hurry."

# Counts the locks that are held: a headless browser has no screen to keep on.
_SCREEN = """
window.locks = [];
Object.defineProperty(navigator, "wakeLock", { value: { request: async () => {
  const lock = { released: false, release: async () => { lock.released = true; } };
  window.locks.push(lock);
  return lock;
} } });
"""

_LATENCY = """
() => [...document.querySelectorAll(".latency-figure, .stage dd")].map((each) => each.textContent)
"""


def desk(messages: list[dict[str, Any]]) -> ScriptedAnswer:
    if results := tool_results(messages):
        return ScriptedAnswer(text=f"I looked: {results[-1]}.")
    if "order" in last_user_text(messages).lower():
        return ScriptedAnswer(calls=[ScriptedToolCall("order_status", {"number": "42"})])
    return ScriptedAnswer(text="We close at six.")


@pytest.fixture
async def visited(
    start_stack: Callable[..., Stack], tmp_path: Path
) -> AsyncIterator[tuple[Stack, FakeLlm]]:
    """A Parley whose callers may write instructions; nothing listens."""
    (llm_port,) = free_ports(1)
    configuration = write_config(
        tmp_path / "configs",
        orchestrator={
            "agent": {"app": str(Path(visited_app.__file__))},
            "asr": {"enabled": False},
            "llm": {"base_url": f"http://127.0.0.1:{llm_port}/v1", "api_key": "k", "model": ""},
            "visitors": {"may_instruct": True},
        },
    )
    model = FakeLlm(desk, models=["a-model-of-ours"])
    async with llm_serving(model, port=llm_port):
        stack = await asyncio.to_thread(start_stack, *PARTS, configuration=configuration)
        yield stack, model


async def look_around(page: Page, stack: Stack) -> None:
    """Who hears, thinks and speaks, and what is kept; the microphone."""
    before = page.locator(".before")
    voice = stack.configuration.orchestrator.tts.default_model
    await expect(before).to_contain_text("Ready for calls", timeout=WITHIN_MS)
    await expect(before).to_contain_text("none: you type")
    await expect(before).to_contain_text("a-model-of-ours")
    await expect(before).to_contain_text(voice)
    await expect(before.get_by_text("runs on this machine")).to_have_count(2)
    await expect(before).to_contain_text("kept as text for 30 days; no sound is kept")
    await page.get_by_role("button", name="Test the microphone").click()
    await expect(before.get_by_role("status")).to_have_text("You are heard.", timeout=WITHIN_MS)
    await page.get_by_role("button", name="Stop the test").click()
    await expect(page.get_by_role("meter")).to_have_count(0)


async def choose(page: Page) -> None:
    """A character, and then words of one's own."""
    await page.get_by_label("Talk with").select_option(label="Storyteller")
    await page.get_by_text("Instructions", exact=True).click()
    text = page.get_by_role("textbox", name="Instructions")
    await expect(text).to_have_value(re.compile("^You are a storyteller"))
    await text.fill(INSTRUCTIONS)


async def read_the_panels(page: Page) -> None:
    """The tool, the parts of the latency and their sum, the turns, the log."""
    tool = page.locator(".tool")
    await expect(tool).to_contain_text("order_status", timeout=WITHIN_MS)
    await expect(tool).to_contain_text(re.compile(r"done, \d+ ms"), timeout=WITHIN_MS)
    await tool.locator("summary").click()
    await expect(tool).to_contain_text('"number": "42"')
    await expect(tool).to_contain_text("order 42 was shipped this morning")
    await expect(page.locator(".latency-total")).to_contain_text("from your message")
    await expect(page.locator(".turn-history li")).to_have_count(2, timeout=WITHIN_MS)
    await expect(page.locator(".turn-history li").first).to_contain_text("typed")
    # The last turn is drawn at once; whole and parts are read in one look.
    total, *parts = (int(text.removesuffix(" ms")) for text in await page.evaluate(_LATENCY))
    assert sum(parts) == total
    await page.get_by_text("Event log").click()
    for kind in ("connection", "agent", "turn", "tool_started", "tool"):
        await expect(page.locator(f".event-log li[data-kind={kind}] b").first).to_have_text(kind)
    await page.locator(".event-log li[data-kind=tool] summary").first.click()
    await expect(page.locator(".event-log li[data-kind=tool] pre").first).to_contain_text(
        '"took_ms"'
    )


async def holds(page: Page, locks: int) -> None:
    """Waits until so many are held: that follows the call's phase."""
    await page.wait_for_function(
        "(locks) => window.locks.filter((lock) => !lock.released).length === locks",
        arg=locks,
        timeout=WITHIN_MS,
    )


async def test_a_visitor_sees_who_answers_chooses_who_it_is_and_watches_it_work(
    visited: tuple[Stack, FakeLlm], open_page: Open, chatter: Path
) -> None:
    stack, model = visited
    async with open_page(stack, microphone=chatter) as page:
        await page.add_init_script(_SCREEN)
        await page.reload()
        await look_around(page, stack)
        await choose(page)
        await page.get_by_role("button", name=QUESTION).click()
        await expect(page.locator(".line-person")).to_contain_text(QUESTION, timeout=WITHIN_MS)
        answer = page.locator(".line-person ~ .line-agent[data-status=final] .words").first
        await expect(answer).to_contain_text("order 42", timeout=WITHIN_MS)
        await holds(page, 1)
        message = page.get_by_role("textbox", name="Message")
        await message.fill("When do you close?")
        await message.press("Enter")
        await expect(page.locator(".line-agent").last).to_contain_text("six", timeout=WITHIN_MS)
        await read_the_panels(page)
        await page.get_by_role("button", name="End", exact=True).click()
        await expect(page.locator(".page")).to_have_attribute("data-phase", "idle")
        await holds(page, 0)
    told = {request["messages"][0]["content"] for request in model.requests}
    assert told == {INSTRUCTIONS}
