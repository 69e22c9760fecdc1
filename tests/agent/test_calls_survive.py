"""A job, or a whole agent server, that is killed in the middle of a reply: another agent goes on
with what was heard."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import psutil
import pytest
from livekit import api

from caller.access import request_access
from caller.client import RoomClient, join
from caller.conversation import settled
from ops.supervisor.parts import PART_NAMES
from ops.supervisor.stack import Stack
from testkit.fake_llm import FakeLlm, ScriptedAnswer, in_turn, llm_serving
from testkit.isolated_config import free_ports, write_config

pytestmark = [pytest.mark.servers, pytest.mark.e2e]

STORY = " ".join(f"This is sentence number {n} of a long story." for n in range(1, 40))
BACK_WITHIN_S = 5.0
LONG_S = 60.0


@pytest.fixture(scope="module")
def storyteller(
    start_stack: Callable[..., Stack], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Stack, int]:
    """Parley whose language model the test serves on the port."""
    (port,) = free_ports(1)
    configuration = write_config(
        tmp_path_factory.mktemp("survivor") / "configs",
        orchestrator={
            "agent": {"greeting": ""},
            "llm": {"base_url": f"http://127.0.0.1:{port}/v1", "api_key": "k", "model": "fake"},
        },
    )
    parts = [part for part in PART_NAMES if part != "llm"]
    return start_stack(*parts, configuration=configuration), port


def job_in_a_room(stack: Stack) -> int:
    """The job process that has media ports open: idle ones have none."""
    (agent,) = (part for part in stack.status if part.name == "agent")
    assert agent.pid is not None
    jobs = [
        child.pid
        for child in psutil.Process(agent.pid).children(recursive=True)
        if child.net_connections(kind="udp")
    ]
    (job,) = jobs
    return job


def readers_of_the_scoreboard(stack: Stack) -> int:
    """How many jobs are connected to what the agent server knows of the workers."""
    (agent,) = (part for part in stack.status if part.name == "agent")
    port = stack.configuration.orchestrator.server.health_check_port
    ends = [
        each
        for each in psutil.Process(agent.pid).net_connections(kind="unix")
        if str(each.laddr).endswith(f"scoreboard-{port}.sock")
    ]
    return len(ends) - 1  # one listens


def noted_deaths(stack: Stack) -> int:
    return (stack.log_dir / "agent.log").read_text().count("the process of the call in")


def agent_said(client: RoomClient, *, since_s: float = 0.0) -> str:
    spoken = [
        client.transcripts.said_by(identity, since_s=since_s)
        for identity in client.transcripts.speakers
        if identity != client.access.identity
    ]
    return " ".join(spoken).strip()


@asynccontextmanager
async def hearing_a_story(
    storyteller: tuple[Stack, int],
) -> AsyncIterator[tuple[RoomClient, FakeLlm]]:
    """A call in the middle of the reply."""
    stack, port = storyteller
    model = FakeLlm(in_turn(ScriptedAnswer(text=STORY), ScriptedAnswer(text="As I was saying.")))
    gateway = f"http://127.0.0.1:{stack.configuration.orchestrator.server.port}"
    async with (
        llm_serving(model, port=port),
        join(await request_access(gateway), agent_may_be_replaced=True) as client,
    ):
        await client.wait_for_agent()
        await client.type("My name is Ada. Tell me a long story.")
        heard = lambda: "number 3" in agent_said(client)  # noqa: E731
        assert await client.reached(heard, timeout_s=LONG_S)
        yield client, model


async def job_is_killed(client: RoomClient, stack: Stack, *, within_s: float = LONG_S) -> float:
    """When, on the caller's clock; another is in the room by then."""
    first, killed_s = client.agent_identity, client.clock()
    os.kill(job_in_a_room(stack), signal.SIGKILL)
    another = lambda: client.agent_identity not in ("", first)  # noqa: E731
    assert await client.reached(another, timeout_s=within_s)
    print(f"\nback after {client.clock() - killed_s:.2f} s")
    return killed_s


async def goes_on(client: RoomClient, model: FakeLlm, killed_s: float) -> None:
    """Whoever has come in its place says so, and asks the model with what was said before."""
    said_so = lambda: "I'm back" in agent_said(client, since_s=killed_s)  # noqa: E731
    assert await client.reached(said_so, timeout_s=LONG_S)
    before = len(model.requests)
    await client.type("Who am I?")
    assert await client.reached(lambda: len(model.requests) > before, timeout_s=LONG_S)


async def test_an_agent_that_comes_into_a_call_that_has_one_leaves_it_again(
    storyteller: tuple[Stack, int],
) -> None:
    stack, _ = storyteller
    livekit = stack.configuration.orchestrator.livekit
    left = "another agent has the call already"
    async with (
        hearing_a_story(storyteller) as (client, model),
        api.LiveKitAPI(livekit.url, stack.keys.api_key, stack.keys.api_secret) as server,
    ):
        first = client.agent_identity
        await server.agent_dispatch.create_dispatch(
            api.CreateAgentDispatchRequest(agent_name=livekit.agent_name, room=client.access.room)
        )
        has_left = lambda: left in (stack.log_dir / "agent.log").read_text()  # noqa: E731
        assert await client.reached(has_left, timeout_s=LONG_S)
        room = api.ListParticipantsRequest(room=client.access.room)
        async with asyncio.timeout(LONG_S):
            while len((await server.room.list_participants(room)).participants) > 2:
                pass
        asked = len(model.requests)
        await client.type("Who am I?")
        assert await client.reached(lambda: len(model.requests) > asked, timeout_s=LONG_S)
        assert await client.reached(lambda: settled(client), timeout_s=LONG_S)
        assert client.agent_identity == first and len(model.requests) == asked + 1


async def test_a_job_killed_at_any_moment_is_replaced_and_knows_what_was_said_and_heard(
    storyteller: tuple[Stack, int],
) -> None:
    stack, _ = storyteller
    async with hearing_a_story(storyteller) as (client, model):
        assert readers_of_the_scoreboard(stack) == 1
        killed_s = await job_is_killed(client, stack, within_s=BACK_WITHIN_S)  # in mid-reply
        await goes_on(client, model, killed_s)
        model.script, asked = in_turn(ScriptedAnswer(silent=True)), len(model.requests)
        await client.type("And where am I?")
        assert await client.reached(lambda: len(model.requests) > asked, timeout_s=LONG_S)
        killed_s = await job_is_killed(client, stack)  # while it thinks
        model.always("As I was saying.")
        await goes_on(client, model, killed_s)
        assert await client.reached(lambda: settled(client), timeout_s=LONG_S)
        await goes_on(client, model, await job_is_killed(client, stack))  # while it listens
    told = [(message["role"], message["content"]) for message in model.messages]
    assert ("user", "My name is Ada. Tell me a long story.") in told
    remembered = next(content for role, content in told if role == "assistant")
    assert remembered.startswith("This is sentence number 1 of a long story.")
    assert "number 2" in remembered
    assert "number 9" not in remembered  # of the story only what was heard
    assert told[-1] == ("user", "Who am I?")
    assert "I'm back" not in str(told)


async def test_an_agent_server_killed_in_mid_reply_is_started_again_and_goes_on_with_its_calls(
    storyteller: tuple[Stack, int],
) -> None:
    stack, _ = storyteller
    async with hearing_a_story(storyteller) as (client, model):
        first, killed_s = client.agent_identity, client.clock()
        (agent,) = (part for part in stack.status if part.name == "agent")
        assert agent.pid is not None
        told = noted_deaths(stack)
        os.kill(agent.pid, signal.SIGKILL)
        another = lambda: client.agent_identity not in ("", first)  # noqa: E731
        assert await client.reached(another, timeout_s=LONG_S)
        print(f"\nback after {client.clock() - killed_s:.2f} s")
        await goes_on(client, model, killed_s)
    assert "My name is Ada. Tell me a long story." in str(model.messages)
    assert noted_deaths(stack) > told  # it was not LiveKit that noticed, 20 s later


async def test_a_livekit_server_killed_in_mid_reply_costs_none_of_the_transcript(
    storyteller: tuple[Stack, int],
) -> None:
    stack, port = storyteller
    model = FakeLlm(in_turn(ScriptedAnswer(text=STORY)))
    gateway = f"http://127.0.0.1:{stack.configuration.orchestrator.server.port}"
    async with (
        llm_serving(model, port=port),
        join(await request_access(gateway), agent_may_be_replaced=True) as client,
    ):
        await client.wait_for_agent()
        await client.type("Tell me a long story.")
        assert await client.reached(lambda: "number 2" in agent_said(client), timeout_s=LONG_S)
        (livekit,) = (part for part in stack.status if part.name == "livekit")
        assert livekit.pid is not None
        os.kill(livekit.pid, signal.SIGKILL)
        assert await client.reached(lambda: "number 5" in agent_said(client), timeout_s=LONG_S)
        said = agent_said(client)
    for number in range(1, 5):
        assert f"number {number} of a long story" in said
