"""The page of operators: what is done there is seen in a session that runs."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from playwright.async_api import Locator, Page, async_playwright, expect

from dialogue.text.languages.english import PHRASES as ENGLISH
from ops.toolchain.web import ensure_page
from testkit.fake_llm import FakeLlm, Messages, ScriptedAnswer, ScriptedToolCall, last_user_text
from testkit.orchestrators import OrchestratorClient, OrchestratorProcess, connected
from testkit.threaded_llm import ThreadedLlm

pytestmark = [pytest.mark.browser]

LONG_MS = 60_000
APP = '''
from parley import Agent, tool


@tool(needs_approval=True)
async def refund(euros: int) -> str:
    """Pays money back."""
    return f"{euros} euros were paid back"


agent = Agent(instructions="You are the desk of a shop.", tools=[refund], greeting="")
'''


def desk(messages: Messages) -> ScriptedAnswer:
    if any("had to be confirmed" in str(message["content"]) for message in messages):
        return ScriptedAnswer(text="Good news, it was paid.")
    if "money" in last_user_text(messages):
        return ScriptedAnswer(calls=[ScriptedToolCall("refund", {"euros": 5})])
    return ScriptedAnswer(text="We close at six.")


@dataclass
class Served:
    process: OrchestratorProcess
    llm: FakeLlm

    async def breakers(self) -> set[str]:
        """The states of the circuit breakers."""
        async with httpx.AsyncClient(base_url=self.process.url) as client:
            found = (await client.get("/circuit-breakers")).raise_for_status().json()
        return {each["state"] for each in found["circuit_breakers"].values()}

    async def experiment(self, name: str, config: dict[str, Any]) -> None:
        """A draft whose variants both want it: whoever takes part is answered so."""
        variants = [
            {"name": kind, "type": kind, "traffic_percentage": 50, "config": config}
            for kind in ("control", "treatment")
        ]
        async with httpx.AsyncClient(base_url=self.process.url) as client:
            wish = {"name": name, "metric": "came back", "variants": variants}
            assert (await client.post("/experiments", json=wish)).is_success


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("operations")
    (folder / "shop_app.py").write_text(APP)
    ensure_page()
    with ThreadedLlm(FakeLlm(desk)) as model:
        process = OrchestratorProcess(
            folder / "a",
            {
                "llm": {"base_url": model.url, "api_key": "k", "model": "fake"},
                "orchestration": {"app": str(folder / "shop_app.py"), "tts_provider": "none"},
                "turn": {"commit_silence_s": 0.1},
                "models": {"timeout_ms": 20_000},
                "intents": {"file": ""},
            },
        )
        process.start()
        yield Served(process, model.llm)
        process.stop()


@asynccontextmanager
async def opened(chromium: str, address: str) -> AsyncIterator[Page]:
    """The page, in which nothing failed and no policy was broken."""
    complaints: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, chromium_sandbox=False)
        try:
            page = await browser.new_page()
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on(
                "console",
                lambda told: complaints.append(told.text) if "Policy" in told.text else None,
            )
            await page.goto(f"{address}/operations")
            yield page
        finally:
            await browser.close()
    assert complaints == []


async def answered(client: OrchestratorClient, text: str) -> str:
    await client.say(text)
    response = await client.until("response")
    await client.send("tts_complete")
    await client.until("state", to="IDLE")
    return str(response["text"])


def card(page: Page, text: str) -> Locator:
    return page.locator(".card", has_text=text)


async def test_a_decision_is_acted_on_in_the_session_that_waits(
    chromium: str, served: Served
) -> None:
    async with (
        opened(chromium, served.process.url) as page,
        connected(served.process.url, "session-of-approval", states=1) as client,
    ):
        await expect(page.get_by_text("Nothing waits for a decision.")).to_be_visible(
            timeout=LONG_MS
        )
        assert await answered(client, "Give me my money back") == ENGLISH.approval_asked
        assert await answered(client, "When do you close?") == "We close at six."
        waiting = card(page, "refund(euros=5)")
        await expect(waiting.get_by_role("button", name="Approve")).to_be_disabled(timeout=LONG_MS)
        await expect(waiting).to_contain_text("Give me my money back")
        await page.get_by_label("Your name").fill("Ann")
        await waiting.get_by_role("button", name="Approve").click(timeout=LONG_MS)
        news = await client.until("response")
        assert news["text"] == "Good news, it was paid."
        await expect(page.get_by_text("Nothing waits for a decision.")).to_be_visible(
            timeout=LONG_MS
        )
        await expect(page.get_by_text("1 approved")).to_be_visible(timeout=LONG_MS)
        await expect(page.get_by_role("row", name="session-of-approval")).to_be_visible(
            timeout=LONG_MS
        )


async def test_an_experiment_changes_the_session_until_it_is_stopped(
    chromium: str, served: Served
) -> None:
    await served.experiment("Another model", {"model": "m1", "temperature": 0.3})
    async with (
        opened(chromium, served.process.url) as page,
        connected(served.process.url, "session-of-experiment", states=1) as client,
    ):
        draft = card(page, "Another model")
        await expect(draft).to_contain_text("model m1", timeout=LONG_MS)
        await answered(client, "When do you close?")
        assert served.llm.requests[-1]["model"] == "fake"

        await draft.get_by_role("button", name="Start").click()
        await expect(draft).to_contain_text("running", timeout=LONG_MS)
        await answered(client, "When do you close?")
        assert served.llm.requests[-1]["model"] == "m1"
        assert served.llm.requests[-1]["temperature"] == 0.3
        await expect(draft).to_contain_text("not known yet", timeout=LONG_MS)

        await draft.get_by_role("button", name="Stop").click()
        await expect(draft).to_contain_text("Winner: none", timeout=LONG_MS)
        await answered(client, "When do you close?")
        assert served.llm.requests[-1]["model"] == "fake"


async def test_a_draft_is_made_with_the_form(chromium: str, served: Served) -> None:
    async with opened(chromium, served.process.url) as page:
        await page.get_by_role("button", name="New experiment").click(timeout=LONG_MS)
        await page.get_by_label("Name", exact=True).fill("Warmer")
        await page.get_by_label("Temperature").fill("0.9")
        await page.get_by_role("button", name="Create draft").click()
        made = card(page, "Warmer")
        await expect(made).to_contain_text("draft", timeout=LONG_MS)
        await expect(made).to_contain_text("temperature 0.9")


async def test_a_breaker_that_is_reset_lets_the_session_be_answered_again(
    chromium: str, served: Served
) -> None:
    async with (
        opened(chromium, served.process.url) as page,
        connected(served.process.url, "session-of-breaker", states=1) as client,
    ):
        served.llm.script = lambda messages: ScriptedAnswer(status=500)
        row = page.get_by_role("row", name="model:")
        async with asyncio.timeout(LONG_MS / 1000):
            while "open" not in await served.breakers():
                assert await answered(client, "When do you close?") != "We close at six."
        await expect(row.get_by_role("cell", name="open", exact=True)).to_be_visible(
            timeout=LONG_MS
        )
        served.llm.script = desk
        await row.get_by_role("button").click(timeout=LONG_MS)
        await expect(row).to_contain_text("closed", timeout=LONG_MS)
        assert await answered(client, "When do you close?") == "We close at six."
