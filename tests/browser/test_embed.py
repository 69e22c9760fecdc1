"""One script tag on somebody else's page opens a call, and only on pages that are allowed to."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from ops.supervisor.stack import Stack
from parley import paths
from testkit.isolated_config import write_config
from tests.browser.other_origin import Site, browsing, gateway_of, site

pytestmark = [pytest.mark.browser, pytest.mark.servers]

EXAMPLE = paths.repository() / "examples" / "embed" / "index.html"


@pytest.fixture(scope="module")
def shop() -> Iterator[Site]:
    with site() as served:
        yield served


@pytest.fixture(scope="module")
def stack_of_shop(
    shop: Site, start_stack: Callable[..., Stack], tmp_path_factory: pytest.TempPathFactory
) -> Stack:
    """A gateway that lets the shop embed it, beside a LiveKit server; no agent."""
    configuration = write_config(
        tmp_path_factory.mktemp("embed") / "configs",
        orchestrator={
            "server": {"allowed_origins": [shop.origin], "admission": "open"},
            "agent": {"apps": {"shop": "shop.py"}},
        },
    )
    stack = start_stack("livekit", "gateway", configuration=configuration)
    page = EXAMPLE.read_text(encoding="utf-8").replace("http://127.0.0.1:8080", gateway_of(stack))
    assert gateway_of(stack) in page
    shop.files["/"] = page.encode()
    shop.files["/app"] = page.replace("data-label", 'data-app="shop" data-label').encode()
    return stack


async def opened(page: Page, address: str) -> None:
    await page.goto(address)
    button = page.get_by_role("button", name="Ask the shop")
    await expect(button).to_have_attribute("aria-expanded", "false")
    await button.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog", name="Ask the shop")).to_be_visible()


async def test_the_example_opens_a_call_with_the_microphone_in_a_page_of_another_origin(
    shop: Site, stack_of_shop: Stack, chromium: str, chatter: Path
) -> None:
    # The other page's policy is as strict as policies are: no inline style, no script but ours.
    gateway = gateway_of(stack_of_shop)
    shop.headers = {
        "Content-Security-Policy": f"default-src 'none'; script-src {gateway}; "
        f"frame-src {gateway}; connect-src {gateway}"
    }
    async with browsing(chromium, microphone=chatter) as page:
        await opened(page, shop.origin)
        frame = page.frame_locator("iframe")
        await frame.get_by_role("button", name="Start the call").click()
        await expect(frame.locator(".page")).to_have_attribute("data-phase", "waiting")
        await expect(frame.get_by_role("button", name="Mute")).to_be_visible()
        button = page.get_by_role("button", name="Ask the shop")
        await expect(button).to_have_attribute("data-in-call", "")
        await page.get_by_role("button", name="Close").click()
        await expect(page.get_by_role("dialog")).to_be_hidden()
        await expect(button).to_be_focused()
        await expect(button).to_have_attribute("data-in-call", "")
        await button.click()
        await frame.get_by_role("button", name="End", exact=True).click()
        await expect(button).not_to_have_attribute("data-in-call", "")


async def test_it_is_used_from_the_keyboard_and_leaves_one_global(
    shop: Site, stack_of_shop: Stack, chromium: str
) -> None:
    shop.files["/plain"] = b"<!doctype html><title>none</title>"
    list_globals = "Object.getOwnPropertyNames(window)"
    async with browsing(chromium) as page:
        await page.goto(f"{shop.origin}/plain")
        before = set(await page.evaluate(list_globals))
        await opened(page, shop.origin)
        assert set(await page.evaluate(list_globals)) - before == {"Parley"}
        await page.wait_for_function(
            "document.activeElement.shadowRoot?.activeElement?.tagName === 'IFRAME'"
        )
        frame = page.frame_locator("iframe")
        await expect(frame.get_by_role("button", name="Start the call")).to_be_visible()
        await expect(frame.locator(".side")).to_have_count(0)
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("dialog")).to_be_hidden()
        await expect(page.get_by_role("button", name="Ask the shop")).to_be_focused()
        await page.evaluate("Parley.open()")
        await expect(page.get_by_role("dialog")).to_be_visible()
        await page.evaluate("Parley.close()")
        await expect(page.get_by_role("dialog")).to_be_hidden()


async def test_the_app_of_the_script_tag_is_the_one_that_is_asked_for(
    shop: Site, stack_of_shop: Stack, chromium: str
) -> None:
    async with browsing(chromium) as page:
        await opened(page, f"{shop.origin}/app")
        async with page.expect_request("**/api/token") as asked:
            await page.frame_locator("iframe").get_by_text("or only type").click()
        assert (await asked.value).post_data_json == {"app": "shop"}


async def test_a_page_that_is_not_allowed_gets_no_button_and_is_told_why(
    stack_of_shop: Stack, chromium: str
) -> None:
    gateway = gateway_of(stack_of_shop)
    with site() as stranger:
        page_text = EXAMPLE.read_text(encoding="utf-8").replace("http://127.0.0.1:8080", gateway)
        stranger.files["/"] = page_text.encode()
        stranger.files["/framed"] = f'<iframe src="{gateway}/?embed=1"></iframe>'.encode()
        async with browsing(chromium) as page:
            async with page.expect_console_message(
                lambda message: "server.allowed_origins" in message.text
            ) as told:
                await page.goto(stranger.origin)
            assert stranger.origin in (await told.value).text
            await expect(page.locator("parley-call")).to_have_count(0)
            async with page.expect_console_message(
                lambda message: "frame-ancestors" in message.text
            ):
                await page.goto(f"{stranger.origin}/framed")
