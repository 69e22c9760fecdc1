"""What the page says when something is missing."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.async_api import expect

from ops.supervisor.stack import Stack
from tests.browser.conftest import Open
from tests.browser.staged_agent import answered
from tests.browser.told import RAW, check_truth, has_told, watch

pytestmark = [pytest.mark.browser, pytest.mark.servers]


async def test_a_gateway_that_is_gone_is_named(
    start_stack: Callable[..., Stack], open_page: Open, chatter: Path
) -> None:
    gateway = start_stack("gateway")
    async with open_page(gateway, microphone=chatter) as page:
        gateway.stop()
        await page.get_by_role("button", name="Start the call").click()
        await expect(page.get_by_role("alert")).to_contain_text("Parley does not answer")
        await expect(page.get_by_role("button", name="Call again")).to_be_visible()


async def test_a_refused_microphone_leaves_typing(
    front: Stack, open_page: Open, chatter: Path
) -> None:
    async with open_page(front, microphone=chatter, allowed=False) as page:
        await page.get_by_role("button", name="Start the call").click()
        await expect(page.get_by_role("alert")).to_contain_text("The microphone is not allowed")
        await page.get_by_role("button", name="Type instead").click()
        await expect(page.get_by_role("button", name="Use microphone")).to_be_visible()
        await expect(page.get_by_role("alert")).not_to_contain_text("not allowed")


async def test_a_microphone_refused_in_a_typed_call_is_helped_and_the_call_goes_on(
    front: Stack, open_page: Open, chatter: Path
) -> None:
    async with (
        open_page(front, microphone=chatter, allowed=False) as page,
        answered(front, page, "or only type"),
    ):
        await watch(page)
        await page.get_by_role("button", name="Use microphone").click()
        alert = page.get_by_role("alert")
        await expect(alert).to_contain_text("The microphone is not allowed")
        await expect(alert).to_contain_text("left of the address")  # as Chromium has it
        await expect(alert).to_contain_text("the call goes on")
        await expect(page.get_by_role("textbox", name="Message")).to_be_enabled()
        await expect(page.locator(".page")).to_have_attribute("data-phase", "live")
        await page.context.grant_permissions(["microphone"])
        await expect(alert).to_be_empty()
        await page.get_by_role("button", name="Use microphone").click()
        await expect(page.get_by_role("button", name="Mute")).to_be_visible()
        await check_truth(page)


async def test_a_livekit_that_is_gone_is_named(
    start_stack: Callable[..., Stack], open_page: Open, chatter: Path
) -> None:
    gateway = start_stack("gateway")
    async with open_page(gateway, microphone=chatter) as page:
        await page.get_by_role("button", name="Start the call").click()
        alert = page.get_by_role("alert")
        await expect(alert).to_contain_text("The call cannot connect")
        await expect(alert).not_to_contain_text(RAW)


async def test_an_agent_that_does_not_come_is_missed_after_ten_seconds(
    front: Stack, open_page: Open, chatter: Path
) -> None:
    async with open_page(front, microphone=chatter) as page:
        await page.get_by_role("button", name="Start the call").click()
        await expect(page.locator(".floor")).to_contain_text("Waiting for the agent")
        alert = page.get_by_role("alert")
        await expect(alert).to_contain_text("No agent has joined yet")
        await page.get_by_role("button", name="End", exact=True).click()
        await expect(page.get_by_role("button", name="Start the call")).to_be_visible()


async def test_a_lost_connection_is_said_and_restored(
    start_stack: Callable[..., Stack], open_page: Open, chatter: Path
) -> None:
    stack = start_stack("livekit", "gateway")
    async with open_page(stack, microphone=chatter) as page:
        await page.get_by_role("button", name="Start the call").click()
        floor = page.locator(".floor")
        await expect(floor).to_contain_text("Waiting for the agent")
        await watch(page)
        (server,) = (part for part in stack.status if part.name == "livekit")
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)  # its supervisor starts it again
        await has_told(page, "floor", "reconnecting")
        await expect(floor).to_contain_text("aiting for the agent")
