"""The page while no agent has room: it says so, waits, and begins by itself."""

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import expect

from ops.supervisor.stack import Stack
from parley.capacity import PATH, Capacity
from parley.small_http import HttpReply, SmallHttpServer
from testkit.isolated_config import free_ports, write_config
from tests.browser.conftest import Open

pytestmark = [pytest.mark.browser, pytest.mark.servers]

FULL = Capacity(takes_calls=True, max_sessions=1, rooms=("somebody-elses",))
FREE = Capacity(takes_calls=True, max_sessions=1)
AWAY = Capacity(takes_calls=False, max_sessions=1)
SOON_MS = 30_000


@dataclass
class AgentServer:
    """What an agent server says of its calls; it takes none."""

    port: int
    capacity: Capacity = FREE

    async def answer(self) -> HttpReply:
        return HttpReply(self.capacity.model_dump_json().encode())


@pytest.fixture(scope="module")
def counted(
    start_stack: Callable[..., Stack], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Stack, int]:
    """A gateway that counts calls, and the port at which it asks how many there are."""
    (port,) = free_ports(1)
    configuration = write_config(
        tmp_path_factory.mktemp("counted") / "configs",
        orchestrator={"server": {"agent_address": f"127.0.0.1:{port}"}},
    )
    return start_stack("livekit", "gateway", configuration=configuration), port


@pytest.fixture
async def agents(counted: tuple[Stack, int]) -> AsyncIterator[AgentServer]:
    agents = AgentServer(counted[1])
    server = SmallHttpServer({PATH: agents.answer})
    await server.start("127.0.0.1", agents.port)
    try:
        yield agents
    finally:
        await server.aclose()


async def test_a_call_without_room_waits_and_begins_by_itself(
    counted: tuple[Stack, int], agents: AgentServer, open_page: Open, chatter: Path
) -> None:
    agents.capacity = FULL
    async with open_page(counted[0], microphone=chatter) as page:
        await page.get_by_role("button", name="Start the call").click()
        alert, floor = page.get_by_role("alert"), page.locator(".floor")
        await expect(alert).to_contain_text("All agents are in a call", timeout=SOON_MS)
        await expect(floor).to_contain_text("Waiting for a free agent")
        await expect(floor.locator(".countdown")).to_have_text(re.compile(r"asking"))
        await expect(floor.locator(".countdown")).to_have_attribute("aria-hidden", "true")
        polite = page.locator("[aria-live=polite]")
        await expect(polite).to_contain_text("Waiting for a free agent")
        await expect(polite).not_to_contain_text("asking")
        agents.capacity = AWAY
        await expect(alert).to_contain_text("No agent is running", timeout=SOON_MS)
        agents.capacity = FREE
        await expect(floor).to_have_text("Waiting for the agent", timeout=SOON_MS)
        await expect(alert).to_be_empty()
        await page.get_by_role("button", name="End", exact=True).click()


async def test_waiting_can_be_ended_from_the_keyboard(
    counted: tuple[Stack, int], agents: AgentServer, open_page: Open
) -> None:
    agents.capacity = FULL
    async with open_page(counted[0]) as page:
        await page.get_by_role("button", name="or only type").click()
        stop = page.get_by_role("button", name="Stop waiting")
        await expect(stop).to_be_visible(timeout=SOON_MS)
        await stop.focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("button", name="Start the call")).to_be_visible()
        await expect(page.get_by_role("alert")).to_be_empty()
