"""A telephone in a room, over a real LiveKit server: keys on either side, and a transfer.

livekit-sip itself is not to be had here: the telephone is a participant of its kind, and the server
that transfers calls is one that the test serves.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from livekit import api, rtc
from livekit.protocol.sip import (
    STS_TRANSFER_FAILED,
    STS_TRANSFER_SUCCESSFUL,
    TransferSIPParticipantRequest,
    TransferSIPParticipantResponse,
)
from pydantic import SecretStr

from agent.room import telephone as module
from agent.room.telephone import KEYS, MOST_KEYS, Telephone
from ops.supervisor.stack import Stack
from parley.app.agent import Agent
from parley.app.tool import ToolError, tool
from parley.errors import ConfigurationError
from parley.settings import OrchestratorSettings, load_orchestrator
from parley.settings.orchestrator import LiveKitSection
from parley.settings.telephone import TelephoneSection
from testkit.isolated_config import free_ports

WITHIN_S = 60.0
PLACES = {"desk": "tel:+15550100", "workshop": "sip:workshop@example.org"}
ANYTHING = TelephoneSection(transfer_to=PLACES, presses_keys=True)


@tool
async def order_status(number: str) -> str:
    """Where an order is. number: as printed on the receipt."""
    return number


@dataclass
class Call:
    """Both ends of a call, each in the room."""

    agent: rtc.Room
    person: rtc.Room
    telephone: Telephone
    told: "asyncio.Queue[str]" = field(default_factory=asyncio.Queue)
    heard: "asyncio.Queue[tuple[int, str]]" = field(default_factory=asyncio.Queue)


def settings_of(livekit: Stack, url: str = "") -> OrchestratorSettings:
    own = livekit.configuration.orchestrator.livekit
    keys = {"api_key": livekit.keys.api_key, "api_secret": SecretStr(livekit.keys.api_secret)}
    section = own.model_copy(update={**keys, "url": url or own.url})
    return OrchestratorSettings(livekit=section, telephone=ANYTHING)


def token(settings: LiveKitSection, identity: str, kind: Any) -> str:
    return (
        api.AccessToken(settings.api_key, settings.api_secret.get_secret_value())
        .with_identity(identity)
        .with_kind(kind)
        .with_grants(api.VideoGrants(room_join=True, room="phone"))
        .to_jwt()
    )


@asynccontextmanager
async def calling(
    livekit: Stack, *, kind: Any = "sip", transfers_at: str = ""
) -> AsyncIterator[Call]:
    settings = settings_of(livekit).livekit
    agent, person = rtc.Room(), rtc.Room()
    await agent.connect(settings.url, token(settings, "agent", "agent"))
    await person.connect(settings.url, token(settings, "caller", kind))
    async with asyncio.timeout(WITHIN_S):
        while not (agent.remote_participants and person.remote_participants):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    telephone = Telephone(
        settings_of(livekit, transfers_at), agent, lambda: agent.remote_participants["caller"]
    )
    call = Call(agent, person, telephone)
    person.on("sip_dtmf_received", lambda key: call.heard.put_nowait((key.code, key.digit)))
    telephone.follow(call.told.put)
    try:
        yield call
    finally:
        await telephone.aclose()
        await person.disconnect()
        await agent.disconnect()


async def next_of(queue: "asyncio.Queue[Any]") -> Any:
    async with asyncio.timeout(WITHIN_S):
        return await queue.get()


@pytest.mark.servers
@pytest.mark.parametrize("entered", ["42#", "7", "*9", "0123456789*#"])
async def test_what_a_person_presses_comes_as_one_thing_they_say(
    livekit: Stack, entered: str
) -> None:
    async with calling(livekit) as call:
        for key in entered:
            await call.person.local_participant.publish_dtmf(code=KEYS.index(key), digit=key)
        assert await next_of(call.told) == f"(I pressed {entered})"


@pytest.mark.servers
@pytest.mark.parametrize(("asked", "pressed"), [("1 2-3", "123"), ("*4a#", "*4A#")])
async def test_keys_that_the_agent_presses_are_heard_at_the_other_end(
    livekit: Stack, monkeypatch: pytest.MonkeyPatch, asked: str, pressed: str
) -> None:
    monkeypatch.setattr(module, "BETWEEN_KEYS_S", 0.01)
    async with calling(livekit) as call:
        assert await call.telephone.press_keys(asked) == f"Pressed {pressed}."
        heard = [await next_of(call.heard) for _ in pressed]
    assert heard == [(KEYS.index(key), key) for key in pressed]


@pytest.mark.servers
async def test_nothing_of_it_is_done_without_a_telephone(livekit: Stack) -> None:
    async with calling(livekit, kind="standard") as call:
        for attempt in (call.telephone.press_keys("1"), call.telephone.transfer_call("desk")):
            with pytest.raises(ToolError, match="no telephone call"):
                await attempt


@pytest.mark.servers
@pytest.mark.parametrize("keys", ["", "  ", "12x", "1" * (MOST_KEYS + 1), "١٢"])
async def test_what_is_no_key_is_not_pressed(livekit: Stack, keys: str) -> None:
    async with calling(livekit) as call:
        with pytest.raises(ToolError, match="keys are at most"):
            await call.telephone.press_keys(keys)


@asynccontextmanager
async def transferring(answer: Any) -> AsyncIterator[tuple[str, list[Any]]]:
    """A server that transfers calls; `answer`: its status, or the HTTP status of a refusal."""
    asked: list[Any] = []

    async def transfer(request: web.Request) -> web.Response:
        asked.append(TransferSIPParticipantRequest.FromString(await request.read()))
        if answer is None:
            refusal = {"code": "not_found", "msg": "there is no such participant"}
            return web.json_response(refusal, status=404)
        body = TransferSIPParticipantResponse(status=answer).SerializeToString()
        return web.Response(body=body, content_type="application/protobuf")

    app = web.Application()
    app.router.add_post("/twirp/livekit.SIP/TransferSIPParticipant", transfer)
    runner = web.AppRunner(app)
    await runner.setup()
    (port,) = free_ports(1)
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"ws://127.0.0.1:{port}", asked
    finally:
        await runner.cleanup()


@pytest.mark.servers
async def test_a_call_is_transferred_to_whom_the_settings_name_and_nobody_else(
    livekit: Stack,
) -> None:
    async with (
        transferring(STS_TRANSFER_SUCCESSFUL) as (url, asked),
        calling(livekit, transfers_at=url) as call,
    ):
        with pytest.raises(ToolError, match=r"called '\+1900'; there are: desk, workshop"):
            await call.telephone.transfer_call("+1900")
        assert asked == []
        assert "workshop now" in await call.telephone.transfer_call("workshop")
    (request,) = asked
    assert request.transfer_to == "sip:workshop@example.org"
    assert (request.participant_identity, request.room_name) == ("caller", "phone")


@pytest.mark.servers
@pytest.mark.parametrize("answer", [STS_TRANSFER_FAILED, None], ids=["busy", "refused"])
async def test_a_transfer_that_fails_is_told_the_model_and_the_call_goes_on(
    livekit: Stack, answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with transferring(answer) as (url, _), calling(livekit, transfers_at=url) as call:
        with pytest.raises(ToolError, match="nobody could be reached at desk"):
            await call.telephone.transfer_call("desk")
        assert call.person.isconnected()
    assert "not transferred to desk" in caplog.text
    assert "+15550100" not in caplog.text


@pytest.mark.parametrize(
    ("section", "names"),
    [
        (TelephoneSection(), []),
        (TelephoneSection(presses_keys=True), ["press_keys"]),
        (TelephoneSection(transfer_to=PLACES), ["transfer_call"]),
        (ANYTHING, ["transfer_call", "press_keys"]),
    ],
)
def test_the_model_gets_the_tools_that_the_settings_allow(
    section: TelephoneSection, names: list[str]
) -> None:
    settings = OrchestratorSettings(telephone=section)
    telephone = Telephone(settings, rtc.Room, lambda: None)  # type: ignore[arg-type]
    given = telephone.given_to(Agent(tools=[order_status]))
    assert [each.name for each in given.tools] == ["order_status", *names]  # type: ignore[union-attr]
    if "transfer_call" in names:
        told = given.tools[1].description  # type: ignore[union-attr]
        assert told.endswith("destination: where to. One of: desk, workshop.")


def test_a_tool_of_the_app_s_own_is_kept() -> None:
    @tool
    async def press_keys(keys: str) -> str:
        """Of a piano. keys: which"""
        return keys

    telephone = Telephone(OrchestratorSettings(telephone=ANYTHING), rtc.Room, lambda: None)  # type: ignore[arg-type]
    given = telephone.given_to(Agent(tools=[press_keys]))
    assert [each.name for each in given.tools] == ["press_keys", "transfer_call"]  # type: ignore[union-attr]
    assert "piano" in given.tools[0].description  # type: ignore[union-attr]


@pytest.mark.parametrize("place", ["desk", "tel:", "tel:+1 555", "http://x", "sip:a b@c", "sip:@c"])
def test_what_is_no_place_to_transfer_to_is_refused(tmp_path: Path, place: str) -> None:
    file = tmp_path / "orchestrator.yaml"
    file.write_text(f"telephone:\n  transfer_to: {{ desk: '{place}' }}\n")
    with pytest.raises(ConfigurationError, match="transfer_to"):
        load_orchestrator(file, environ={})
