"""Any LiveKit client: the standard SDK on a page of another origin, and nothing of ours.

What docs/clients.md shows is run here as it stands there.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import jwt
import pytest
import yaml
from livekit import rtc
from playwright.async_api import Error, Page

from ops.supervisor.stack import Stack
from ops.toolchain import ensure_page
from parley import paths
from testkit.doc_fences import fences
from testkit.fake_llm import FakeLlm, ScriptedAnswer, by_text
from testkit.isolated_config import write_config
from testkit.threaded_llm import ThreadedLlm
from tests.browser.conftest import QUESTION
from tests.browser.other_origin import Site, browsing, gateway_of, site

pytestmark = [pytest.mark.browser, pytest.mark.e2e]

PARTS = ("livekit", "asr", "tts", "agent", "gateway")
CLIENT = Path(__file__).with_name("standard_client.html")
SDK = paths.repository() / "web/node_modules/livekit-client/dist/livekit-client.esm.mjs"
PAGE = "clients.md"
SHOWN_GATEWAY, SHOWN_ORIGIN = "https://parley.example.org", "https://shop.example.org"
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

SNIPPETS = """<!doctype html>
<meta charset="utf-8" />
<title>The snippets of docs/clients.md</title>
<script type="importmap">{"imports": {"livekit-client": "/livekit-client.esm.mjs"}}</script>
<body><script type="module" src="/snippets.mjs"></script></body>
"""


@dataclass(frozen=True)
class Shop:
    """A page of somebody else's that the gateway lets ask."""

    site: Site
    stack: Stack

    @property
    def gateway(self) -> str:
        return gateway_of(self.stack)

    def here(self, text: str) -> str:
        """What the page of the documentation shows, with the addresses of this run."""
        return text.replace(SHOWN_GATEWAY, self.gateway).replace(SHOWN_ORIGIN, self.site.origin)


@pytest.fixture(scope="module")
def shop(
    start_stack: Callable[..., Stack], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shop]:
    ensure_page()  # with it come the page's libraries
    answer = ScriptedAnswer(
        text="Bicycles are the quickest way through an old town.", word_delay_s=0.025
    )
    script = by_text({"old towns": answer, "capital": answer})
    with site() as served, ThreadedLlm(FakeLlm(script)) as llm:
        served.files["/"] = CLIENT.read_bytes()
        served.files["/livekit-client.esm.mjs"] = SDK.read_bytes()
        (allowed,) = fences(PAGE, "yaml")
        shown = yaml.safe_load(allowed.text.replace(SHOWN_ORIGIN, served.origin))
        configuration = write_config(
            tmp_path_factory.mktemp("clients") / "configs",
            orchestrator={
                **shown,
                "llm": {"base_url": llm.url, "api_key": "none", "model": "fake"},
                "agent": {"max_sessions": 8},
            },
        )
        yield Shop(served, start_stack(*PARTS, configuration=configuration))


@pytest.fixture(scope="module")
def asking(speech: Callable[..., Path]) -> Path:
    """Somebody who asks once the greeting is over, and again where the agent came late."""
    return speech(QUESTION, before_s=7, after_s=12)


async def test_the_standard_sdk_talks_and_writes_with_the_agent(
    chromium: str, asking: Path, shop: Shop
) -> None:
    async with browsing(chromium, microphone=asking) as page:
        await page.goto(shop.site.origin)
        await page.wait_for_function("Boolean(window.join)")
        await page.evaluate(
            "([endpoint, options]) => join(endpoint, options)",
            [f"{shop.gateway}/api/token", OPTIONS],
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
        await page.evaluate("room.disconnect()")


async def test_the_same_page_of_an_origin_that_is_not_listed_gets_nothing(
    chromium: str, shop: Shop
) -> None:
    with site() as stranger:
        stranger.files |= shop.site.files
        async with browsing(chromium) as page:
            await page.goto(stranger.origin)
            await page.wait_for_function("Boolean(window.join)")
            async with page.expect_console_message(
                lambda message: "CORS policy" in message.text
            ) as told:
                with pytest.raises(Error, match="Failed to fetch"):
                    await page.evaluate(
                        "endpoint => join(endpoint, {})", f"{shop.gateway}/api/token"
                    )
            assert stranger.origin in (await told.value).text
            assert await page.evaluate("room.state") == "disconnected"


async def test_the_javascript_of_the_page_is_a_client(
    chromium: str, asking: Path, shop: Shop
) -> None:
    shop.site.files["/snippets"] = SNIPPETS.encode()
    shop.site.files["/snippets.mjs"] = snippets(shop).encode()
    complaints: list[str] = []
    async with browsing(chromium, microphone=asking) as page:
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(f"{shop.site.origin}/snippets")

        async def seen(condition: str) -> None:
            """Fails at once where the module has failed."""
            await page.wait_for_function(f"({condition}) || window.failed", timeout=WITHIN_MS)
            assert complaints == []

        await seen("window.client")
        await seen("words().includes('agent: Hi, I\\'m Parley')")  # the greeting, as it is heard
        assert await page.evaluate("client.room.localParticipant.attributes.plan") == "gold"
        await seen("document.querySelectorAll('audio').length === 1")
        await page.evaluate("client.write()")
        await seen("/agent: Bicycles are/.test(words())")
        await seen("/you: .*(capital|France)/.test(words())")
        await seen("client.states.includes('thinking') && client.states.includes('speaking')")
        await seen("client.events.some((event) => event.type === 'turn' && event.stages)")
        await seen("client.events.some((event) => event.floor === 'speaking' && event.at_s > 0)")
        voice = await page.evaluate("client.changeVoice()")
        assert voice["asked"] == voice["answered"]
        await goes_on(page)
        await page.evaluate("client.room.disconnect()")
    assert complaints == []


def snippets(shop: Shop) -> str:
    """The page's JavaScript as one module: the first snippet runs at once, the others are called.

    Each is as it stands there; what is added is how the test reaches in.
    """
    start, write, change_voice, go_on = (shop.here(each.text) for each in fences(PAGE, "js"))
    imports, _, rest = start.partition("\n")
    return f"""{imports}
window.addEventListener("error", () => (window.failed = true));
window.addEventListener("unhandledrejection", () => (window.failed = true));
{rest}
window.words = () => [...transcript.values()].join("\\n");
window.client = {{
  room, states, events,
  write: async () => {{ {write} }},
  changeVoice: async () => {{
    {change_voice}
    return {{ asked: voices.find((each) => each.ready).name, answered: voice }};
  }},
  goOn: async () => {{
    {go_on}
    const refused = await ask({{ app: "none" }}).catch((error) => error.code);
    return {{ first, again, refused }};
  }},
}};
"""


async def goes_on(page: Page) -> None:
    """A second call is of the first one's conversation, and in a room of its own."""
    told = await page.evaluate("client.goOn()")
    first, again = told["first"], told["again"]
    assert first["room"] != again["room"]
    sessions = {claims(each)["attributes"]["parley.session"] for each in (first, again)}
    assert len(sessions) == 1
    assert told["refused"] == "unknown_app"


def claims(answer: dict[str, str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = jwt.decode(
        answer["participant_token"], options={"verify_signature": False}
    )
    return found


async def test_the_program_of_the_page_is_a_client(shop: Shop, tmp_path: Path) -> None:
    talk, _ = fences(PAGE, "python")
    out = await printed(shop.here(talk.text), tmp_path)
    said = [line for line in out.splitlines() if line.startswith("agent: ")]
    assert "Parley" in said[0]
    assert said[1].startswith("agent: Bicycles are the quickest way")
    assert "event: floor" in out


async def test_a_token_made_without_the_gateway_brings_the_agent(
    shop: Shop, tmp_path: Path
) -> None:
    _, make = fences(PAGE, "python")
    token = (await printed(make.text, tmp_path, **shop.stack.keys.for_clients())).strip()
    room, changed = rtc.Room(), asyncio.Event()
    for event in ("participant_connected", "participant_attributes_changed"):
        room.on(event, lambda *_: changed.set())
    await room.connect(shop.stack.configuration.orchestrator.livekit.url, token)
    try:
        async with asyncio.timeout(WITHIN_MS / 1000):
            while not any(
                "lk.agent.state" in who.attributes for who in room.remote_participants.values()
            ):
                changed.clear()
                await changed.wait()
    finally:
        await room.disconnect()


async def printed(program: str, folder: Path, **variables: str) -> str:
    """What the program prints; it has to end well."""
    file = folder / "program.py"
    file.write_text(program, encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", str(file)),
        env=os.environ | variables,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(WITHIN_MS / 1000):
            out, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, errors.decode()
    return out.decode()


def test_the_shell_commands_of_the_page_work(shop: Shop) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    grant, others = [fence for fence in fences(PAGE, "sh") if fence.text.startswith("curl")]
    answer = json.loads(shell(shop.here(grant.text)))
    assert claims(answer)["attributes"]["plan"] == "gold"
    assert answer["server_url"].startswith("ws://")
    told = shell(shop.here(others.text))
    listed, _, preflight = told.partition("HTTP/1.1 200")
    assert json.loads(listed)["voices"]
    assert f"access-control-allow-origin: {shop.site.origin}" in preflight.lower()


def shell(commands: str) -> str:
    done = subprocess.run(
        ["sh", "-e", "-c", commands], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
