"""SIGKILL, and the agent is back: a real LiveKit server, real job processes, gateways' watch."""

import asyncio
import os
import signal
import time

import pytest
from livekit import api
from prometheus_client import CollectorRegistry, Counter

from gateway.calls.tokens import CallWish
from gateway.calls.watcher import CallWatcher
from parley.room_events import DispatchMetadata
from parley.settings.orchestrator import LiveKitSection
from tests.gateway.calling import (
    STARTS_WITHIN_S,
    agent_server,
    calling,
    count,
    counting_agents,
    gateways,
    lk,
    told,
)
from tests.gateway.conftest import TurnedClock
from tests.gateway.tiny_agent import DIES

pytestmark = pytest.mark.servers

BACK_WITHIN_S = 5.0


@pytest.mark.parametrize("watching", [1, 3])
async def test_a_killed_agent_is_back_within_5_s_and_never_two_of_them(
    livekit_settings: LiveKitSection, watching: int
) -> None:
    with agent_server(livekit_settings):
        async with (
            gateways(livekit_settings, watching) as outcomes,
            calling(livekit_settings) as call,
            counting_agents(livekit_settings, call.access.room) as agents,
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
            async with lk(livekit_settings) as server:
                (left,) = await server.agent_dispatch.list_dispatch(call.access.room)
            assert DispatchMetadata.model_validate_json(left.metadata).resumed


async def test_an_agent_that_cannot_live_is_sent_three_times_and_no_more(
    livekit_settings: LiveKitSection, caplog: pytest.LogCaptureFixture
) -> None:
    with agent_server(livekit_settings):
        wish = CallWish(agent_metadata=DIES)
        async with (
            gateways(livekit_settings, 2) as outcomes,
            calling(livekit_settings, wish) as call,
        ):
            async with asyncio.timeout(100):
                while not count(outcomes, "given_up"):  # noqa: ASYNC110 - a counter tells nobody
                    await asyncio.sleep(0.2)
            assert count(outcomes, "dispatched") == 3
            assert len(call.joined) <= 4
    assert "was given 3 agents within 60 s" in caplog.text


async def test_a_call_that_ended_is_not_begun_again(livekit_settings: LiveKitSection) -> None:
    """Its dispatch was taken back, or its room deleted; its person may still be there."""
    clock = TurnedClock()
    outcomes = Counter("outcomes", "of one", ["outcome"], registry=CollectorRegistry())
    with agent_server(livekit_settings):
        async with (
            lk(livekit_settings) as server,
            calling(livekit_settings) as one,
            calling(livekit_settings) as other,
        ):
            watcher = CallWatcher(
                server, agent_name=livekit_settings.agent_name, outcomes=outcomes, clock=clock
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
    livekit_settings: LiveKitSection,
) -> None:
    """LiveKit keeps the dead agent for 20 s; then the next one comes."""
    with agent_server(livekit_settings) as first:
        async with (
            gateways(livekit_settings) as outcomes,
            calling(livekit_settings) as call,
            counting_agents(livekit_settings, call.access.room) as agents,
        ):
            agent = await call.agent(within_s=STARTS_WITHIN_S)
            pid = int(agent.attributes["pid"])
            with agent_server(livekit_settings):
                os.killpg(first.pid, signal.SIGKILL)
                second = await call.agent(other_than=pid, within_s=60)
                assert told(second).resumed
                assert max(agents) == 1
            assert count(outcomes, "dispatched") == 1
