"""SIGKILL, and the agent is back: a real LiveKit server, real job processes, gateways' watch."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager

import pytest
from livekit import api, rtc
from prometheus_client import CollectorRegistry, Counter
from pydantic import SecretStr

from gateway.calls.tokens import CallAccess, CallTokens, CallWish
from gateway.calls.watcher import CallWatcher, watching_calls
from ops.supervisor.stack import Stack
from parley import paths
from parley.room_events import DispatchMetadata
from parley.settings.orchestrator import LiveKitSection
from tests.gateway.conftest import TurnedClock
from tests.gateway.tiny_agent import DIES

pytestmark = pytest.mark.servers

BACK_WITHIN_S = 5.0
STARTS_WITHIN_S = 60.0


class Call:
    """A person in a room, who sees agents come and go."""

    def __init__(self, access: CallAccess) -> None:
        self.access = access
        self.room = rtc.Room()
        self.joined: list[str] = []
        self.left: list[str] = []
        self.changed = asyncio.Event()
        self.room.on("participant_connected", self._came)
        self.room.on("participant_disconnected", self._went)
        self.room.on("participant_attributes_changed", lambda *_: self.changed.set())

    def _came(self, who: rtc.RemoteParticipant) -> None:
        self.joined.append(who.identity)
        self.changed.set()

    def _went(self, who: rtc.RemoteParticipant) -> None:
        self.left.append(who.identity)
        self.changed.set()

    async def has_left(self, identity: str, *, within_s: float) -> None:
        async with asyncio.timeout(within_s):
            while identity not in self.left:
                self.changed.clear()
                await self.changed.wait()

    async def agent(self, *, other_than: int = 0, within_s: float) -> rtc.RemoteParticipant:
        """An agent that is in the room and has said so, with another pid than that."""
        async with asyncio.timeout(within_s):
            while True:
                self.changed.clear()
                for who in self.room.remote_participants.values():
                    if int(who.attributes.get("pid", "0")) not in (0, other_than):
                        return who
                await self.changed.wait()


@pytest.fixture
def settings(livekit: Stack) -> LiveKitSection:
    keys = livekit.keys
    return livekit.configuration.orchestrator.livekit.model_copy(
        update={"api_key": keys.api_key, "api_secret": SecretStr(keys.api_secret)}
    )


@contextmanager
def agent_server(settings: LiveKitSection) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.gateway.tiny_agent"],
        cwd=paths.repository(),
        env=os.environ
        | {
            "LIVEKIT_URL": settings.url,
            "LIVEKIT_API_KEY": settings.api_key,
            "LIVEKIT_API_SECRET": settings.api_secret.get_secret_value(),
        },
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        assert "registered" in process.stdout.readline()
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@asynccontextmanager
async def gateways(settings: LiveKitSection, count: int = 1) -> AsyncIterator[Counter]:
    """So many gateways' watches; their outcomes counted together."""
    outcomes = Counter("outcomes", "of all", ["outcome"], registry=CollectorRegistry())
    async with AsyncExitStack() as running:
        for _ in range(count):
            await running.enter_async_context(watching_calls(settings, outcomes))
        yield outcomes


@asynccontextmanager
async def calling(settings: LiveKitSection, wish: CallWish | None = None) -> AsyncIterator[Call]:
    call = Call(CallTokens(settings).grant(wish))
    await call.room.connect(call.access.url, call.access.token)
    try:
        yield call
    finally:
        await call.room.disconnect()


@asynccontextmanager
async def counting_agents(settings: LiveKitSection, room: str) -> AsyncIterator[list[int]]:
    """How many agents LiveKit has in the room, looked at again and again."""
    seen: list[int] = []

    async def look() -> None:
        async with lk(settings) as server:
            while True:
                listed = await server.room.list_participants(api.ListParticipantsRequest(room=room))
                agent = api.ParticipantInfo.Kind.AGENT
                seen.append(sum(who.kind == agent for who in listed.participants))
                await asyncio.sleep(0.02)

    looking = asyncio.create_task(look())
    try:
        yield seen
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


def count(outcomes: Counter, outcome: str) -> float:
    return float(outcomes.labels(outcome)._value.get())


def told(agent: rtc.RemoteParticipant) -> DispatchMetadata:
    return DispatchMetadata.model_validate_json(agent.attributes["told"])


@pytest.mark.parametrize("watching", [1, 3])
async def test_a_killed_agent_is_back_within_5_s_and_never_two_of_them(
    settings: LiveKitSection, watching: int
) -> None:
    with agent_server(settings):
        async with (
            gateways(settings, watching) as outcomes,
            calling(settings) as call,
            counting_agents(settings, call.access.room) as agents,
        ):
            first = await call.agent(within_s=STARTS_WITHIN_S)
            before = told(first)
            for _ in range(2):
                pid = int(first.attributes["pid"])
                killed_at_s = time.monotonic()
                os.kill(pid, signal.SIGKILL)
                second = await call.agent(other_than=pid, within_s=STARTS_WITHIN_S)
                took_s = time.monotonic() - killed_at_s
                print(f"back after {took_s:.2f} s")
                assert took_s < BACK_WITHIN_S
                assert told(second) == before.model_copy(update={"resumed": True})
                await call.has_left(first.identity, within_s=5)  # LiveKit tells it every 3 s
                first = second
            assert max(agents) == 1
            assert len(call.joined) == 3
            assert count(outcomes, "dispatched") == 2
            async with lk(settings) as server:
                (left,) = await server.agent_dispatch.list_dispatch(call.access.room)
            assert DispatchMetadata.model_validate_json(left.metadata).resumed


def lk(settings: LiveKitSection) -> api.LiveKitAPI:
    return api.LiveKitAPI(settings.url, settings.api_key, settings.api_secret.get_secret_value())


async def test_an_agent_that_cannot_live_is_sent_three_times_and_no_more(
    settings: LiveKitSection, caplog: pytest.LogCaptureFixture
) -> None:
    with agent_server(settings):
        wish = CallWish(agent_metadata=DIES)
        async with gateways(settings, 2) as outcomes, calling(settings, wish) as call:
            async with asyncio.timeout(100):
                while not count(outcomes, "given_up"):  # noqa: ASYNC110 - a counter tells nobody
                    await asyncio.sleep(0.2)
            assert count(outcomes, "dispatched") == 3
            assert len(call.joined) <= 4
    assert "was given 3 agents within 60 s" in caplog.text


async def test_a_call_that_ended_is_not_begun_again(settings: LiveKitSection) -> None:
    """Its dispatch was taken back, or its room deleted; its person may still be there."""
    clock = TurnedClock()
    outcomes = Counter("outcomes", "of one", ["outcome"], registry=CollectorRegistry())
    with agent_server(settings):
        async with lk(settings) as server, calling(settings) as one, calling(settings) as other:
            watcher = CallWatcher(
                server, agent_name=settings.agent_name, outcomes=outcomes, clock=clock
            )
            agent = await one.agent(within_s=STARTS_WITHIN_S)
            await other.agent(within_s=STARTS_WITHIN_S)
            await watcher.look()
            (dispatch,) = await server.agent_dispatch.list_dispatch(one.access.room)
            await server.agent_dispatch.delete_dispatch(dispatch.id, one.access.room)
            await server.room.delete_room(api.DeleteRoomRequest(room=other.access.room))
            await one.has_left(agent.identity, within_s=20)
            for _ in range(10):
                clock.now_s += 10
                await watcher.look()
    assert count(outcomes, "dispatched") == 0


async def test_another_agent_server_takes_over_from_one_that_dies_as_a_whole(
    settings: LiveKitSection,
) -> None:
    """LiveKit keeps the dead agent for 20 s; then the next one comes."""
    with agent_server(settings) as first:
        async with (
            gateways(settings) as outcomes,
            calling(settings) as call,
            counting_agents(settings, call.access.room) as agents,
        ):
            agent = await call.agent(within_s=STARTS_WITHIN_S)
            pid = int(agent.attributes["pid"])
            with agent_server(settings):
                os.killpg(first.pid, signal.SIGKILL)
                second = await call.agent(other_than=pid, within_s=60)
                assert told(second).resumed
                assert max(agents) == 1
            assert count(outcomes, "dispatched") == 1
