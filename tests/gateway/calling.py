"""Persons in rooms, agents that come and go, and gateways that watch: what tests of calls share."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager

from livekit import api, rtc
from prometheus_client import CollectorRegistry, Counter

from gateway.calls.agents import AgentServers
from gateway.calls.tokens import CallAccess, CallTokens, CallWish
from gateway.calls.watcher import watching_calls
from parley import paths
from parley.room_events import DispatchMetadata
from parley.settings.orchestrator import LiveKitSection
from testkit.isolated_config import free_ports

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


@contextmanager
def agent_server(
    settings: LiveKitSection, *, sessions: int = 100, port: int | None = None
) -> Iterator["subprocess.Popen[str]"]:
    """The tiny agent; at `port` it says how many calls it has."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.gateway.tiny_agent"],
        cwd=paths.repository(),
        env=os.environ
        | {
            "LIVEKIT_URL": settings.url,
            "TINY_SESSIONS": str(sessions),
            "TINY_PORT": str(port or free_ports(1)[0]),
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
async def gateways(
    settings: LiveKitSection, count: int = 1, *, agents: str = ""
) -> AsyncIterator[Counter]:
    """So many gateways' watches; their outcomes counted together. `agents`: whom they ask."""
    outcomes = Counter("outcomes", "of all", ["outcome"], registry=CollectorRegistry())
    async with AsyncExitStack() as running:
        for _ in range(count):
            known = AgentServers(agents) if agents else None
            if known is not None:
                await running.enter_async_context(known.watching())
            await running.enter_async_context(watching_calls(settings, outcomes, agents=known))
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


def lk(settings: LiveKitSection) -> api.LiveKitAPI:
    return api.LiveKitAPI(settings.url, settings.api_key, settings.api_secret.get_secret_value())
