"""Who calls when a place has just become free gets it: a real LiveKit server and agent server."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest
from livekit import rtc

from gateway.app import create_app
from gateway.calls.tokens import CallAccess
from parley.settings.orchestrator import LiveKitSection
from testkit.isolated_config import free_ports
from tests.gateway.calling import STARTS_WITHIN_S, Call, agent_server, calling, count, gateways
from tests.gateway.conftest import settings_with

pytestmark = pytest.mark.servers

FOUND_WITHIN_S = 60.0
"""On a loaded machine; how long it took is printed."""
ASK_EVERY_S = 0.1


@asynccontextmanager
async def door(livekit: LiveKitSection, port: int, page: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A gateway that counts the calls of the agent server whose health port that is."""
    settings = settings_with(agents=f"127.0.0.1:{port}", calls_per_minute=1000)
    app = create_app(settings.model_copy(update={"livekit": livekit}), page_folder=page)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client,
    ):
        yield client


async def granted(client: httpx.AsyncClient) -> CallAccess:
    """Asks until there is room."""
    async with asyncio.timeout(FOUND_WITHIN_S):
        while True:  # who was refused is told nothing when there is room
            answer = await client.post("/api/token")
            if answer.status_code != 503:
                break
            await asyncio.sleep(ASK_EVERY_S)
    told = answer.json()
    return CallAccess(told["url"], told["token"], told["room"], told["identity"], told["session"])


async def begun(client: httpx.AsyncClient) -> Call:
    call = Call(await granted(client))
    await call.room.connect(call.access.url, call.access.token)
    # LiveKit tells 3 s late that somebody has left who published nothing.
    voice = rtc.LocalAudioTrack.create_audio_track("voice", rtc.AudioSource(48_000, 1))
    microphone = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
    await call.room.local_participant.publish_track(voice, microphone)
    await call.agent(within_s=STARTS_WITHIN_S)
    return call


async def first_answered(calls: Sequence[Call]) -> Call:
    """The one of them whom an agent joins first."""
    joining = [asyncio.create_task(call.agent(within_s=FOUND_WITHIN_S)) for call in calls]
    await asyncio.wait(joining, return_when=asyncio.FIRST_COMPLETED)
    for task in joining:
        task.cancel()
    await asyncio.gather(*joining, return_exceptions=True)
    return next(call for call in calls if call.joined)


async def test_a_full_house_refuses_and_a_redial_finds_an_agent(
    livekit_settings: LiveKitSection, tmp_path: Path
) -> None:
    (port,) = free_ports(1)
    with agent_server(livekit_settings, sessions=1, port=port):
        async with door(livekit_settings, port, tmp_path) as client:
            call = await begun(client)
            for _ in range(3):
                refused = await client.post("/api/token")
                assert refused.json()["error"]["code"] == "at_capacity"
                await call.room.disconnect()
                hung_up_at_s = time.monotonic()
                call = await begun(client)
                print(f"redialled and answered within {time.monotonic() - hung_up_at_s:.2f} s")
            await call.room.disconnect()


async def test_who_waits_in_a_room_gets_the_place_that_becomes_free(
    livekit_settings: LiveKitSection,
) -> None:
    """Callers whom nobody counted at the door: LiveKit offers them once, the gateways again."""
    (port,) = free_ports(1)
    with agent_server(livekit_settings, sessions=1, port=port):
        async with (
            gateways(livekit_settings, 2, agents=f"127.0.0.1:{port}") as outcomes,
            calling(livekit_settings) as first,
        ):
            await first.agent(within_s=STARTS_WITHIN_S)
            async with AsyncExitStack() as calls:
                waiting = [
                    await calls.enter_async_context(calling(livekit_settings)) for _ in range(3)
                ]
                await asyncio.sleep(5)  # longer than any dispatch would take to be taken
                assert not any(call.joined for call in waiting)
                assert count(outcomes, "dispatched") == 0, "there is no room yet"
                has_place = first
                while waiting:
                    await has_place.room.disconnect()
                    hung_up_at_s = time.monotonic()
                    has_place = await first_answered(waiting)
                    print(f"the next one is answered after {time.monotonic() - hung_up_at_s:.2f} s")
                    waiting.remove(has_place)
                    assert len(has_place.joined) == 1
                    assert not any(call.joined for call in waiting)
