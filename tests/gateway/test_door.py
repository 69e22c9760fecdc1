"""A token is granted while an agent has room; who is refused knows when to return."""

import asyncio
from pathlib import Path

import httpx
import pytest

from gateway.calls.agents import BELIEVED_S, FRESH_S, AgentServers, Census
from gateway.calls.door import FULL_RETRY_S, NO_AGENT_RETRY_S, Door
from gateway.calls.places import JOINS_WITHIN_S, OwnPlaces
from gateway.calls.waiting import WaitingCalls
from gateway.errors import ApiError
from parley.capacity import Capacity
from parley.errors import ConfigurationError
from parley.settings import load_orchestrator
from tests.gateway.conftest import (
    UNREACHABLE,
    AgentHealthPort,
    Serve,
    TurnedClock,
    agent_at,
    settings_with,
)


def takes(calls: int, *rooms: str) -> Capacity:
    return Capacity(takes_calls=True, max_sessions=calls, rooms=rooms)


def code(answer: httpx.Response) -> str:
    return str(answer.json()["error"]["code"]) if answer.is_error else ""


@pytest.mark.parametrize(
    ("callers", "there", "free"), [(12, 0, 4), (5, 4, 0), (5, 1, 3), (40, 2, 9), (2, 0, 1)]
)
async def test_of_those_who_come_at_once_as_many_get_in_as_fit_and_others_know_when_to_return(
    serve: Serve, callers: int, there: int, free: int
) -> None:
    capacity = takes(there + free, *(f"room {number}" for number in range(there)))
    async with (
        agent_at(AgentHealthPort(capacity)) as agent,
        serve(settings_with(agents=agent.address, calls_per_minute=100)) as client,
    ):
        answers = await asyncio.gather(*(client.post("/api/token") for _ in range(callers)))
    refused = [answer for answer in answers if answer.status_code != 201]
    assert len(answers) - len(refused) == free
    assert {answer.status_code for answer in refused} == {503}
    assert {code(answer) for answer in refused} == {"at_capacity"}
    assert {answer.headers["retry-after"] for answer in refused} == {str(FULL_RETRY_S)}


@pytest.mark.parametrize(
    ("capacity", "expected"),
    [
        (takes(2, "one", "two"), "at_capacity"),
        (takes(2, "one", "two", "three"), "at_capacity"),
        (Capacity(takes_calls=False, max_sessions=4), "no_agent"),
        (takes(2, "one"), ""),
    ],
)
async def test_what_the_agent_says_of_its_calls_decides(
    serve: Serve, capacity: Capacity, expected: str
) -> None:
    async with (
        agent_at(AgentHealthPort(capacity)) as agent,
        serve(settings_with(agents=agent.address)) as client,
    ):
        assert code(await client.post("/api/token")) == expected


async def test_without_any_agent_the_caller_is_told_so(serve: Serve) -> None:
    async with serve(settings_with(agents=UNREACHABLE)) as client:
        refused = await client.post("/api/token")
    assert (refused.status_code, code(refused)) == (503, "no_agent")
    assert refused.headers["retry-after"] == str(NO_AGENT_RETRY_S)


async def test_several_agents_have_room_together_and_one_that_is_away_has_none(
    serve: Serve,
) -> None:
    async with (
        agent_at(AgentHealthPort(takes(2, "r"))) as one,
        agent_at(AgentHealthPort(takes(3, "s"))) as other,
    ):
        agents = f"{one.address}, {UNREACHABLE}, {other.address}"
        async with serve(settings_with(agents=agents)) as client:
            answers = [await client.post("/api/token") for _ in range(4)]
    assert [code(answer) for answer in answers] == ["", "", "", "at_capacity"]


async def test_who_is_refused_for_want_of_room_has_not_used_up_a_call(serve: Serve) -> None:
    async with agent_at(AgentHealthPort(takes(1, "r"))) as agent:
        clock = TurnedClock()
        settings = settings_with(agents=agent.address, calls_per_minute=1)
        async with serve(settings, clock=clock) as client:
            refused = [code(await client.post("/api/token")) for _ in range(3)]
            agent.capacity = takes(1)
            clock.now_s += 1
            assert (await client.post("/api/token")).status_code == 201
    assert refused == ["at_capacity"] * 3


async def test_a_place_is_free_again_when_the_call_has_ended(serve: Serve) -> None:
    clock = TurnedClock()
    async with (
        agent_at(AgentHealthPort(takes(1))) as agent,
        serve(settings_with(agents=agent.address), clock=clock) as client,
    ):
        room = (await client.post("/api/token")).json()["room"]
        for capacity, expected in [
            (takes(1), "at_capacity"),  # granted, and on its way
            (takes(1, room), "at_capacity"),  # with its agent
            (takes(1), ""),  # ended
        ]:
            agent.capacity = capacity
            clock.now_s += FRESH_S + 0.1
            assert code(await client.post("/api/token")) == expected


async def test_a_token_that_nobody_uses_holds_its_place_for_a_while_only(serve: Serve) -> None:
    clock = TurnedClock()
    async with (
        agent_at(AgentHealthPort(takes(1))) as agent,
        serve(settings_with(agents=agent.address), clock=clock) as client,
    ):
        assert code(await client.post("/api/token")) == ""
        clock.now_s = JOINS_WITHIN_S - 0.5
        assert code(await client.post("/api/token")) == "at_capacity"
        clock.now_s = JOINS_WITHIN_S + 0.5
        assert code(await client.post("/api/token")) == ""


async def test_a_second_person_in_a_joint_room_needs_no_other_agent(serve: Serve) -> None:
    async with agent_at(AgentHealthPort(takes(1))) as agent:
        settings = settings_with(agents=agent.address, rooms="joint")
        async with serve(settings) as client:
            for _ in range(2):
                asked = await client.post("/api/token", json={"room_name": "meeting"})
                assert asked.status_code == 201
            other = await client.post("/api/token", json={"room_name": "another"})
    assert code(other) == "at_capacity"


async def test_who_waits_in_a_room_counts_whichever_gateway_let_them_in() -> None:
    waiting = WaitingCalls()
    door = Door(AgentServers(UNREACHABLE), waiting, OwnPlaces(clock=TurnedClock()))
    census = Census(takers=1, free=2)
    waiting.add("RM_1", "theirs")
    await door.claim("ours", census)
    with pytest.raises(ApiError, match="all agents are in a call"):
        await door.claim("another", census)
    waiting.remove("RM_1")
    await door.claim("another", census)


async def test_an_agent_too_busy_to_answer_is_believed_for_a_moment() -> None:
    clock = TurnedClock()
    async with agent_at(AgentHealthPort(takes(4, "r"))) as agent:
        agents = AgentServers(agent.address, clock=clock)
        async with agents.watching():
            assert (await agents.census()).free == 3
            agent.silent = True
            clock.now_s = BELIEVED_S - 1
            assert (await agents.census()).free == 3
            clock.now_s = BELIEVED_S + 1
            assert (await agents.census()).takers == 0


async def test_an_agent_that_has_gone_is_not_believed_any_more(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = TurnedClock()
    async with agent_at(AgentHealthPort(takes(4))) as agent:
        agents = AgentServers(agent.address, clock=clock)
        async with agents.watching():
            assert (await agents.census()).takers == 1
    async with agents.watching():
        for _ in range(3):
            clock.now_s += 1
            assert (await agents.census()).takers == 0
    assert caplog.text.count("does not say what calls it has") == 1


async def test_a_client_that_names_a_wrong_voice_is_told_of_that_first_where_there_is_room(
    serve: Serve, worker: str
) -> None:
    async with (
        agent_at(AgentHealthPort(takes(1))) as agent,
        serve(settings_with(workers=worker, agents=agent.address)) as client,
    ):
        assert code(await client.post("/api/token", json={"voice": "nobody"})) == "unknown_voice"
        assert code(await client.post("/api/token")) == ""


@pytest.mark.parametrize("address", ["agent", "agent:", "http://agent/", "a:1,b", "a:1 b:2"])
def test_what_is_no_address_of_an_agent_is_refused_with_its_place(
    tmp_path: Path, address: str
) -> None:
    file = tmp_path / "orchestrator.yaml"
    file.write_text(f"server:\n  agent_address: '{address}'\n")
    with pytest.raises(ConfigurationError, match=r"agent_address"):
        load_orchestrator(file, environ={})


def test_by_default_this_machines_agent_is_asked() -> None:
    def asked(**server: object) -> str:
        return settings_with(health_check_port=8091, **server).agent_targets

    assert asked() == "127.0.0.1:8091"
    assert asked(host="0.0.0.0") == "127.0.0.1:8091"
    assert asked(host="::1") == "[::1]:8091"
    assert asked(agent_address="agents.local:8081, other:1") == "agents.local:8081, other:1"
