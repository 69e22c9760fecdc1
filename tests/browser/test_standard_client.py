"""Any LiveKit client: the standard SDK on a page of another origin, and nothing of ours."""

import asyncio
from pathlib import Path

import pytest

from ops.supervisor.stack import Stack
from ops.toolchain import ensure_page
from parley import paths
from testkit.isolated_config import write_config
from testkit.told_scripts import MODEL, ToldScripts
from tests.browser.other_origin import browsing, gateway_of, site

pytestmark = [pytest.mark.browser, pytest.mark.e2e]

PARTS = ("livekit", "asr", "tts", "agent", "gateway")
CLIENT = Path(__file__).with_name("standard_client.html")
SDK = paths.repository() / "web/node_modules/livekit-client/dist/livekit-client.esm.mjs"
WITHIN_MS = 90_000

OPTIONS = {
    "roomName": "support",
    "participantIdentity": "ada",
    "participantName": "Ada",
    "participantMetadata": "from the shop",
    "participantAttributes": {"plan": "gold"},
    "agentName": "parley",
    "agentMetadata": '{"order": 7}',
}


async def test_the_standard_sdk_talks_and_writes_with_the_agent(
    chromium: str, question: Path, tmp_path: Path
) -> None:
    await asyncio.to_thread(ensure_page)  # with it come the page's libraries
    scripts = ToldScripts()
    with site() as starter:
        starter.files["/"] = CLIENT.read_bytes()
        starter.files["/livekit-client.esm.mjs"] = SDK.read_bytes()
        async with scripts.serving() as model_url:
            configuration = write_config(
                tmp_path / "configs",
                orchestrator={
                    "server": {"allowed_origins": [starter.origin]},
                    "llm": {"base_url": model_url, "api_key": "none", "model": MODEL},
                },
            )
            stack = Stack(configuration, tmp_path / "state", parts=PARTS)
            try:
                await asyncio.to_thread(stack.start)
                await converse(chromium, question, starter.origin, gateway_of(stack))
            finally:
                await asyncio.to_thread(stack.stop)


async def converse(chromium: str, microphone: Path, starter: str, gateway: str) -> None:
    async with browsing(chromium, microphone=microphone) as page:
        await page.goto(starter)
        await page.wait_for_function("Boolean(window.join)")
        await page.evaluate(
            "([endpoint, options]) => join(endpoint, options)", [f"{gateway}/api/token", OPTIONS]
        )

        async def seen(condition: str) -> None:
            await page.wait_for_function(condition, timeout=WITHIN_MS)

        await seen("seen.audio")
        await seen("seen.states.includes('listening')")
        await seen("/Parley/.test(seen.words.agent)")  # the greeting
        await page.evaluate("write('What do you know of old towns?')")
        await seen("/bicycles/i.test(seen.words.agent)")
        await seen("/capital|france/i.test(seen.words.person)")
        await seen("seen.states.includes('thinking') && seen.states.includes('speaking')")
        me = await page.evaluate(
            "({ name: room.localParticipant.name, identity: room.localParticipant.identity,"
            " room: room.name, attributes: room.localParticipant.attributes })"
        )
        assert me["name"] == "Ada"
        assert me["identity"].startswith("ada-")
        assert me["room"].startswith("support-")
        assert me["attributes"]["plan"] == "gold"
        assert me["attributes"]["mood"] == "good"
        assert me["attributes"]["parley.session"]
