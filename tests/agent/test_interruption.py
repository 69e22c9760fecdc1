"""Interrupting the agent in a real room, judged by what the caller hears."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import pytest
import yaml

from caller.access import request_access
from caller.client import RoomClient, join
from caller.measure import window_levels_dbfs
from parley.audio import Audio
from parley.room_events import FloorEvent, InterruptedEvent
from parley.supervisor.parts import PART_NAMES
from parley.supervisor.stack import Stack
from tests.agent.test_room import spoken
from tests.conftest import write_test_config

pytestmark = [pytest.mark.servers, pytest.mark.e2e]

STORY = (
    "Once upon a time there was a miller who had three sons. When he died, he left them his mill, "
    "his donkey, and his cat. The eldest took the mill, the second took the donkey, and the "
    "youngest got nothing but the cat. He was very sad about it, and said that his brothers could "
    "make a living, while he would have to die of hunger."
)
AUDIBLE_DBFS = -50.0


@pytest.fixture(scope="module")
def storyteller(
    start_stack: Callable[..., Stack], tmp_path_factory: pytest.TempPathFactory
) -> Stack:
    """Parley with a story for a greeting."""
    folder = tmp_path_factory.mktemp("storyteller")
    configuration = write_test_config(folder / "configs")
    file = configuration / "orchestrator.yaml"
    values = yaml.safe_load(file.read_text())
    values["agent"]["greeting"] = STORY
    file.write_text(yaml.safe_dump(values))
    return start_stack(*PART_NAMES, configuration=configuration)


@asynccontextmanager
async def listening(stack: Stack, *, for_s: float) -> AsyncGenerator[RoomClient]:
    """A caller that has heard so much of the story."""
    port = stack.configuration.orchestrator.server.port
    async with join(await request_access(f"http://127.0.0.1:{port}")) as client:
        await client.wait_for_agent()
        assert await client.reached(lambda: not client.ear.quiet_since(0), timeout_s=20)
        begun_s = client.clock()
        assert await client.reached(lambda: client.clock() > begun_s + for_s, timeout_s=20)
        yield client


def floors(client: RoomClient, since_s: float) -> list[str]:
    return [
        heard.event.floor
        for heard in client.events
        if heard.at_s >= since_s and isinstance(heard.event, FloorEvent)
    ]


def interruptions(client: RoomClient) -> list[InterruptedEvent]:
    return [heard.event for heard in client.events if isinstance(heard.event, InterruptedEvent)]


def quiet_before(clip: Audio, seconds: float) -> Audio:
    return clip


async def test_an_interruption_silences_the_agent_and_history_ends_there(
    storyteller: Stack,
) -> None:
    clip = await spoken(storyteller, "Wait, stop. I have another question for you.")
    async with listening(storyteller, for_s=3.0) as client:
        began_s = client.clock()
        utterance = client.microphone.speak(clip)
        assert await client.reached(lambda: utterance.pushed, timeout_s=20)
        await client.reached(lambda: bool(interruptions(client)), timeout_s=10)
        for event in client.events:
            print(round(event.at_s - began_s, 3), event.event)
        assert interruptions(client)
        heard = client.ear.between(began_s, client.clock())
        (cut,) = interruptions(client)
        said = client.transcripts.said_by(client.agent_identity, since_s=0)
        for event in client.events:
            print(round(event.at_s - began_s, 3), event.event)
        print(said)
        print(window_levels_dbfs(heard.samples, 48000)[:100].round())
    assert STORY.startswith(cut.heard.strip())
    assert 3 < len(cut.heard.split()) < 40
    assert said.strip() == cut.heard.strip()


async def test_a_murmur_loses_no_word_of_the_reply(storyteller: Stack) -> None:
    clip = await spoken(storyteller, "Mm-hmm.")
    async with listening(storyteller, for_s=2.0) as client:
        began_s = client.clock()
        utterance = client.microphone.speak(clip)
        assert await client.reached(lambda: utterance.pushed, timeout_s=20)
        told = await client.reached(lambda: "quiet" in floors(client, began_s), timeout_s=60)
        for event in client.events:
            print(round(event.at_s - began_s, 3), event.event)
        assert told
        assert "yielded" not in floors(client, began_s)
        said = client.transcripts.said_by(client.agent_identity, since_s=0)
        assert not interruptions(client)
    assert said.strip() == STORY
