"""What a visitor reads when a part of a call is lost, and after it has come back.

Seconds are not asserted: the limits are those of web/src/call/limits.ts, held on a turned clock by
lineWatch.test.ts. Here some are shortened, so that an offer comes without a wait of 20 s.
"""

import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile
from playwright.async_api import Page, expect

from ops.supervisor.parts import PART_NAMES
from ops.supervisor.stack import Stack
from testkit.fake_llm import FakeLlm, llm_serving
from testkit.isolated_config import free_ports, write_config
from tests.agent.test_calls_survive import job_in_a_room
from tests.browser.conftest import Open
from tests.browser.told import LONG_MS, check_truth, has_told, now_ms, told_after_s, watch

pytestmark = [pytest.mark.browser, pytest.mark.e2e]

BY_HAND = "PARLEY_LONG_OUTAGES"
KNOWS = "Parley knows what was said"

_UNTIL_IT_ANSWERS = """
async (address) => {
  while (!(await fetch(address).then((answer) => answer.ok, () => false))) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
"""


@pytest.fixture(scope="module")
def talkative(
    start_stack: Callable[..., Stack], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Stack, int]:
    """Parley whose language model the test serves on the port."""
    (port,) = free_ports(1)
    configuration = write_config(
        tmp_path_factory.mktemp("losses") / "configs",
        orchestrator={
            "agent": {"greeting": "Hello."},
            "llm": {"base_url": f"http://127.0.0.1:{port}/v1", "api_key": "k", "model": "fake"},
        },
    )
    parts = [part for part in PART_NAMES if part != "llm"]
    return start_stack(*parts, configuration=configuration), port


@asynccontextmanager
async def typed_call(page: Page) -> AsyncIterator[None]:
    """One that has begun; what the page tells meanwhile is true."""
    await page.get_by_role("button", name="or only type").click()
    await expect(page.locator(".line-agent[data-status=final]")).to_be_visible(timeout=LONG_MS)
    await watch(page)
    yield
    await check_truth(page)


async def ask(page: Page, text: str) -> None:
    message = page.get_by_role("textbox", name="Message")
    await expect(message).to_be_enabled(timeout=LONG_MS)
    await message.fill(text)
    await message.press("Enter")


async def is_answered(page: Page, text: str) -> None:
    await expect(page.locator(".line-agent").last).to_contain_text(text, timeout=LONG_MS)


@contextmanager
def no_network() -> Iterator[None]:
    """The browser's process through which all it sends and gets goes stands still: WebRTC, too."""
    (service,) = filter(is_network, psutil.Process().children(recursive=True))
    service.suspend()
    try:
        yield
    finally:
        service.resume()


def is_network(process: psutil.Process) -> bool:
    """Whether it is the browser's; one that has just ended is not."""
    with suppress(psutil.NoSuchProcess):
        return any("network.mojom.NetworkService" in part for part in process.cmdline())
    return False


def kill(stack: Stack, name: str) -> None:
    """Its supervisor starts it again."""
    (part,) = (each for each in stack.status if each.name == name)
    assert part.pid is not None
    os.kill(part.pid, signal.SIGKILL)


async def test_model_network_and_agent_are_missed_and_the_banner_goes_when_they_are_back(
    talkative: tuple[Stack, int], open_page: Open
) -> None:
    stack, port = talkative
    model = FakeLlm()
    model.always("Yes, of course.")
    async with open_page(stack, limits={"offer_ms": 1_000}) as page, typed_call(page):
        alert, floor = page.get_by_role("alert"), page.locator(".floor")
        await ask(page, "My name is Ada.")  # no model is there
        await expect(alert).to_contain_text("Parley cannot answer", timeout=LONG_MS)
        async with llm_serving(model, port=port):
            await ask(page, "Is Paris in France?")
            await is_answered(page, "Yes, of course.")
            await expect(alert).to_be_empty(timeout=LONG_MS)

            with no_network():
                await expect(floor).to_contain_text("reconnecting", timeout=LONG_MS)
                await expect(page.locator(".quality")).to_have_attribute("data-quality", "lost")
                await expect(alert).to_contain_text("is not coming back", timeout=LONG_MS)
                await expect(alert.get_by_role("button", name="Call again")).to_be_visible()
            await expect(alert).to_be_empty(timeout=LONG_MS)
            await expect(floor).to_contain_text("waits for your message", timeout=LONG_MS)
            await expect(page.locator(".break")).to_have_count(0)  # the same agent

            model.always("You are Ada.")
            os.kill(job_in_a_room(stack), signal.SIGKILL)
            await expect(page.locator(".break")).to_contain_text(KNOWS, timeout=LONG_MS)
            await expect(alert).to_be_empty(timeout=LONG_MS)
            await ask(page, "Who am I?")
            await is_answered(page, "You are Ada.")
        said = [str(message["content"]) for message in model.messages]
        assert any("My name is Ada." in text for text in said)


async def test_an_agent_server_that_dies_is_missed_while_livekit_still_lists_it(
    talkative: tuple[Stack, int], open_page: Open
) -> None:
    stack, port = talkative
    async with llm_serving(FakeLlm(), port=port), open_page(stack) as page, typed_call(page):
        for process in agent_processes(stack):
            with suppress(psutil.NoSuchProcess):  # a job may go with its server
                process.kill()
        await has_told(page, "alert", "agent is away")
        await has_told(page, "floor", "Waiting for the agent")
        await expect(page.locator(".break")).to_contain_text("The agent was away", timeout=LONG_MS)
        await expect(page.get_by_role("alert")).to_be_empty(timeout=LONG_MS)


def agent_processes(stack: Stack) -> list[psutil.Process]:
    """The server with all its jobs: LiveKit is told by none of them."""
    (part,) = (each for each in stack.status if each.name == "agent")
    server = psutil.Process(part.pid)
    return [server, *server.children(recursive=True)]


async def test_a_call_that_livekit_has_dropped_is_entered_again_and_goes_on(
    talkative: tuple[Stack, int], open_page: Open
) -> None:
    stack, port = talkative
    model = FakeLlm()
    model.always("Yes, of course.")
    given_up = {"livekitRetries_ms": [], "rejoin_ms": 500}
    async with (
        llm_serving(model, port=port),
        open_page(stack, limits=given_up) as page,
        typed_call(page),
    ):
        await ask(page, "My name is Ada.")
        await is_answered(page, "Yes, of course.")
        kill(stack, "livekit")
        await has_told(page, "floor", "reconnecting")
        await expect(page.locator(".break")).to_contain_text(KNOWS, timeout=LONG_MS)
        await expect(page.locator(".break")).to_contain_text("connection was lost")
        await expect(page.get_by_role("alert")).to_be_empty(timeout=LONG_MS)
        await expect(page.locator(".line-person")).to_have_count(1)  # what was said stays
        model.always("You are Ada.")
        await ask(page, "Who am I?")
        await is_answered(page, "You are Ada.")
        said = [str(message["content"]) for message in model.messages]
        assert any("My name is Ada." in text for text in said)


async def test_a_call_that_is_given_up_is_offered_again_and_goes_on(
    talkative: tuple[Stack, int], open_page: Open
) -> None:
    stack, port = talkative
    given_up = {"livekitRetries_ms": [], "givenUp_ms": 0}
    async with (
        llm_serving(FakeLlm(), port=port),
        open_page(stack, limits=given_up) as page,
        typed_call(page),
    ):
        kill(stack, "livekit")
        alert = page.get_by_role("alert")
        await expect(alert).to_contain_text("The connection was lost", timeout=LONG_MS)
        await expect(page.locator(".page")).to_have_attribute("data-phase", "idle")
        await livekit_is_back(page, stack)
        await alert.get_by_role("button", name="Call again").click()
        await expect(page.locator(".break")).to_contain_text(KNOWS, timeout=LONG_MS)
        await expect(alert).to_be_empty(timeout=LONG_MS)
        await expect(page.get_by_role("textbox", name="Message")).to_be_enabled()


async def livekit_is_back(page: Page, stack: Stack) -> None:
    address = stack.configuration.orchestrator.livekit.url.replace("ws", "http", 1)
    await page.evaluate(_UNTIL_IT_ANSWERS, address)


async def test_an_agent_that_cannot_hear_says_so_until_it_can(
    talkative: tuple[Stack, int], open_page: Open, tmp_path: Path
) -> None:
    stack, port = talkative
    silence = tmp_path / "silence.wav"
    soundfile.write(silence, np.zeros(16_000, np.int16), 16_000)
    async with llm_serving(FakeLlm(), port=port), open_page(stack, microphone=silence) as page:
        await page.get_by_role("button", name="Start the call").click()
        await expect(page.locator(".line-agent[data-status=final]")).to_be_visible(timeout=LONG_MS)
        await watch(page)
        alert = page.get_by_role("alert")
        kill(stack, "asr")
        await has_told(page, "alert", "Parley cannot hear you")
        await expect(alert).to_be_empty(timeout=LONG_MS)
        await check_truth(page)


@pytest.mark.skipif(not os.environ.get(BY_HAND), reason=f"takes 5 minutes: set {BY_HAND}=1")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("outage_s", [5, 45, 185])
async def test_an_outage_of_the_browser_alone_is_told_in_time_and_the_call_goes_on(
    talkative: tuple[Stack, int], open_page: Open, outage_s: int
) -> None:
    stack, port = talkative
    model = FakeLlm()
    model.always("Yes, of course.")
    async with llm_serving(model, port=port), open_page(stack) as page, typed_call(page):
        await ask(page, "My name is Ada.")
        await is_answered(page, "Yes, of course.")
        lost_ms = await now_ms(page)
        with no_network():
            await page.wait_for_timeout(1000 * outage_s)
            noticed_s = await told_after_s(page, "reconnecting", lost_ms)
            print(f"\n{outage_s} s: reconnecting after {noticed_s:.1f} s")
            assert noticed_s <= 3
            alert = page.get_by_role("alert")
            if outage_s > 25:
                await expect(alert.get_by_role("button", name="Call again")).to_be_visible()
            print(f"{outage_s} s: {await alert.inner_text()!r}")
        back_ms = await now_ms(page)
        await expect(alert).to_be_empty(timeout=LONG_MS)
        await expect(page.locator(".page[data-phase=live]")).to_be_visible(timeout=LONG_MS)
        print(f"{outage_s} s: live again after {(await now_ms(page) - back_ms) / 1000:.1f} s")
        print(f"{outage_s} s: {await page.locator('.break').all_inner_texts()}")
        model.always("You are Ada.")
        await ask(page, "Who am I?")
        await is_answered(page, "You are Ada.")
        said = [str(message["content"]) for message in model.messages]
        assert any("My name is Ada." in text for text in said)
