"""The voices a visitor chooses from, how they sound, and what the page says of a refusal."""

from collections.abc import AsyncIterator, Callable

import pytest
from livekit import rtc
from playwright.async_api import expect

from ops.supervisor.stack import Stack
from parley.room_events import ErrorEvent, RecoveredEvent
from testkit.fake_workers import SpeechWorker, serving
from testkit.isolated_config import free_ports, write_config
from tests.browser.conftest import Open
from tests.browser.staged_agent import answered
from tests.browser.told import check_truth, watch

pytestmark = [pytest.mark.browser, pytest.mark.servers]

LANGUAGES = {"amy": "en-US", "joe": "en-US", "thorsten": "de-DE", "jirka": "cs-CZ"}
RAW_REFUSAL = "StatusCode.UNAVAILABLE: grpc to http://10.0.0.7:50051 failed, token eyJhbGciOi.eyJ.x"

_UNTIL_ONE_VOICE = """
async () => {
  while ((await (await fetch("/api/voices")).json()).voices.length !== 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
"""


@pytest.fixture(scope="module")
def choosing(
    start_stack: Callable[..., Stack], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Stack, int]:
    """A gateway that offers all voices, and the port at which it asks for them."""
    (port,) = free_ports(1)
    configuration = write_config(
        tmp_path_factory.mktemp("voices") / "configs",
        orchestrator={
            "server": {"admission": "open"},
            "tts": {
                "worker_address": f"127.0.0.1:{port}",
                "default_model": "joe",
                "voices": list(LANGUAGES),
            },
        },
    )
    return start_stack("livekit", "gateway", configuration=configuration), port


@pytest.fixture
async def worker(choosing: tuple[Stack, int]) -> AsyncIterator[SpeechWorker]:
    worker = SpeechWorker(voices=tuple(LANGUAGES), languages=LANGUAGES, remote={"amy", "jirka"})
    async with serving(worker, port=choosing[1]):
        yield worker


async def test_voices_stand_by_language_those_at_hand_first_and_can_be_heard(
    choosing: tuple[Stack, int], worker: SpeechWorker, open_page: Open
) -> None:
    async with open_page(choosing[0]) as page:
        select = page.get_by_role("combobox", name="Voice", exact=True)
        await expect(select).to_have_value("joe")
        await expect(select.locator("option")).to_have_count(len(LANGUAGES))
        groups = await select.locator("optgroup").evaluate_all(
            "groups => groups.map(group => [group.label, [...group.children].map(o => o.text)])"
        )
        assert groups == [
            ["American English", ["Joe", "Amy (fetched when chosen)"]],
            ["German (Germany)", ["Thorsten"]],
            ["Czech (Czechia)", ["Jirka (fetched when chosen)"]],
        ]
        await select.select_option("thorsten")
        hear = page.get_by_role("button", name="Hear Thorsten · German (Germany)")
        async with page.expect_response("**/api/voices/thorsten/preview") as heard:
            await hear.click()
        assert (await heard.value).ok
        await expect(hear).to_have_text("Hear it")  # it has ended
        assert worker.opened[-1].voice == "thorsten"
        await select.select_option("jirka")
        await expect(page.get_by_text("can be heard once it has been fetched")).to_be_visible()


async def test_a_voice_that_is_refused_leaves_the_selection_as_it_was(
    choosing: tuple[Stack, int], worker: SpeechWorker, open_page: Open
) -> None:
    stack, _ = choosing
    async with open_page(stack) as page, answered(stack, page, "or only type") as agent:
        await watch(page)
        alert, select = (
            page.get_by_role("alert"),
            page.get_by_role("combobox", name="Voice", exact=True),
        )
        agent.refuses = rtc.RpcError(1500, RAW_REFUSAL)
        await select.select_option("amy")
        await expect(alert).to_contain_text("That voice cannot be used now")
        await expect(select).to_have_value("joe")
        agent.refuses = None
        await select.select_option("thorsten")
        await expect(alert).to_be_empty()
        await expect(select).to_have_value("thorsten")
        assert agent.voices == ["amy", "thorsten"]
        await agent.tell(ErrorEvent(code="of_an_app", message=RAW_REFUSAL))
        await expect(alert).to_contain_text("Something went wrong")
        await agent.tell(RecoveredEvent(code="of_an_app"))
        await expect(alert).to_be_empty()
        await check_truth(page)
        await page.reload()
        await expect(page.get_by_role("combobox", name="Voice", exact=True)).to_have_value(
            "thorsten"
        )


async def test_a_voice_that_has_gone_begins_the_call_in_the_usual_one(
    choosing: tuple[Stack, int], worker: SpeechWorker, open_page: Open
) -> None:
    stack, _ = choosing
    async with open_page(stack) as page:
        select = page.get_by_role("combobox", name="Voice", exact=True)
        await select.select_option("thorsten")
        worker.voices = ("joe",)
        await page.evaluate(_UNTIL_ONE_VOICE)  # what the gateway knows is a second old at most
        async with answered(stack, page, "or only type"):
            alert = page.get_by_role("alert")
            await expect(alert).to_contain_text("The chosen voice is no longer there")
            await expect(select).to_have_value("joe")
