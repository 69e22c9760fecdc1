"""Speaking over the agent in a real room: what is heard, read, and told to the model."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import numpy as np
import pytest

from caller.access import request_access
from caller.client import RoomClient, join
from caller.measure import window_levels_dbfs
from ops.supervisor.parts import PART_NAMES
from ops.supervisor.stack import Stack
from parley.room_events import FloorEvent, InterruptedEvent, TurnEvent
from testkit.fake_llm import FakeLlm, ScriptedAnswer, in_turn, llm_serving
from testkit.isolated_config import free_ports, write_config
from tests.agent.test_room import spoken

pytestmark = [pytest.mark.servers, pytest.mark.e2e]

STORY = (
    "Once upon a time there was a miller who had three sons. When he died, he left them his mill, "
    "his donkey, and his cat. The eldest took the mill, the second took the donkey, and the "
    "youngest got nothing but the cat. He was very sad about it, and said that his brothers could "
    "make a living, while he would have to die of hunger."
)
AUDIBLE_DBFS = -50.0
LONG_S = 60.0
BOTH = "It is Paris, and it is Madrid."


@dataclass(frozen=True)
class Storyteller:
    """Parley with a story for a greeting, and a language model that the test serves."""

    stack: Stack
    llm_port: int

    @asynccontextmanager
    async def call(self, model: FakeLlm) -> AsyncGenerator[RoomClient]:
        """A caller that hears the story begin."""
        gateway = f"http://127.0.0.1:{self.stack.configuration.orchestrator.server.port}"
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(llm_serving(model, port=self.llm_port))
            client = await stack.enter_async_context(join(await request_access(gateway)))
            await client.wait_for_agent()
            assert await client.reached(lambda: not client.ear.quiet_since(0), timeout_s=LONG_S)
            yield client


@pytest.fixture(scope="module")
def storyteller(
    start_stack: Callable[..., Stack], tmp_path_factory: pytest.TempPathFactory
) -> Storyteller:
    (port,) = free_ports(1)
    configuration = write_config(
        tmp_path_factory.mktemp("storyteller") / "configs",
        orchestrator={
            "agent": {"greeting": STORY},
            "llm": {"base_url": f"http://127.0.0.1:{port}/v1", "api_key": "k", "model": "wire"},
        },
    )
    parts = [part for part in PART_NAMES if part != "llm"]
    return Storyteller(start_stack(*parts, configuration=configuration), port)


async def passes(client: RoomClient, seconds: float) -> None:
    until_s = client.clock() + seconds
    assert await client.reached(lambda: client.clock() >= until_s, timeout_s=LONG_S)


def floors(client: RoomClient, since_s: float = 0.0) -> list[str]:
    return [
        heard.event.floor
        for heard in client.events
        if heard.at_s >= since_s and isinstance(heard.event, FloorEvent)
    ]


def told(client: RoomClient, kind: type[TurnEvent | InterruptedEvent]) -> list[object]:
    return [heard.event for heard in client.events if isinstance(heard.event, kind)]


def agent_said(model: FakeLlm) -> list[str]:
    """What the model was told last that the agent had said."""
    messages = model.messages if model.requests else []
    return [each["content"].strip() for each in messages if each["role"] == "assistant"]


def read(client: RoomClient) -> str:
    return client.transcripts.said_by(client.agent_identity, since_s=0).strip()


async def test_an_interruption_silences_the_agent_and_history_ends_there(
    storyteller: Storyteller,
) -> None:
    model = FakeLlm(in_turn(ScriptedAnswer(text="Of course.", first_after_s=2.0)))
    clip = await spoken(storyteller.stack, "Wait, stop. I have another question for you.")
    async with storyteller.call(model) as client:
        await passes(client, 3.0)
        await client.speak(clip)
        assert await client.reached(lambda: bool(told(client, InterruptedEvent)), timeout_s=LONG_S)
        silent_from_s = client.clock()
        assert await client.reached(lambda: "thinking" in floors(client), timeout_s=LONG_S)
        heard = client.ear.between(silent_from_s, client.clock())
        (cut,) = told(client, InterruptedEvent)
        assert isinstance(cut, InterruptedEvent)
        kept = cut.heard.strip()
        assert STORY.startswith(kept)
        assert 3 < len(kept.split()) < 40
        assert await client.reached(lambda: read(client).startswith(kept), timeout_s=LONG_S)
        assert read(client) == kept
        assert cut.onset_at_s is not None
        assert cut.decided_at_s is not None
        assert cut.onset_at_s < cut.decided_at_s
        assert np.all(window_levels_dbfs(heard.samples, 48000) < AUDIBLE_DBFS)
        # An answer that was begun before the reply was cut is thrown away for one that knows of it.
        assert await client.reached(lambda: agent_said(model) == [kept], timeout_s=LONG_S)


async def test_a_murmur_loses_no_word_of_the_reply(storyteller: Storyteller) -> None:
    model = FakeLlm()
    clip = await spoken(storyteller.stack, "Okay.")
    async with storyteller.call(model) as client:
        await passes(client, 2.0)
        began_s = client.clock()
        await client.speak(clip)
        over = lambda: "quiet" in floors(client, began_s)  # noqa: E731
        assert await client.reached(over, timeout_s=2 * LONG_S)
        assert "yielded" not in floors(client)
        assert not told(client, InterruptedEvent)
        assert await client.reached(lambda: read(client) == STORY, timeout_s=LONG_S)
        assert not model.requests


async def test_who_speaks_on_while_the_agent_thinks_is_answered_once_and_wholly(
    storyteller: Storyteller,
) -> None:
    model = FakeLlm(in_turn(ScriptedAnswer(text=BOTH, first_after_s=6.0)))
    first = await spoken(storyteller.stack, "What is the capital of France?")
    second = await spoken(storyteller.stack, "And tell me the capital of Spain, please.")
    async with storyteller.call(model) as client:
        await passes(client, 1.0)
        await client.speak(first)
        assert await client.reached(lambda: "thinking" in floors(client), timeout_s=LONG_S)
        await client.speak(second)
        assert await client.reached(lambda: floors(client).count("thinking") >= 2, timeout_s=LONG_S)
        model.always(BOTH)
        assert await client.reached(lambda: bool(told(client, TurnEvent)), timeout_s=LONG_S)
        said = " ".join(
            message["content"] for message in model.messages if message["role"] == "user"
        ).lower()
        assert "france" in said
        assert "spain" in said
        assert await client.reached(lambda: read(client).endswith("Madrid."), timeout_s=LONG_S)
        assert read(client).count("Paris") == 1
