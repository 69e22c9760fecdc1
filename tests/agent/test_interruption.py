"""Speaking over the agent in a real room: what is heard, read, and told to the model."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import numpy as np
import pytest

from caller.client import RoomClient
from caller.measure import window_levels_dbfs
from parley.room_events import FloorEvent, InterruptedEvent, TurnEvent
from testkit.fake_llm import FakeLlm, ScriptedAnswer, in_turn
from tests.agent.app_rooms import LONG_S, AppRooms
from tests.agent.conftest import ServedApps
from tests.agent.room_apps import STORY
from tests.agent.test_room import spoken

pytestmark = [pytest.mark.servers, pytest.mark.e2e]

AUDIBLE_DBFS = -50.0
BOTH = "It is Paris, and it is Madrid."


@asynccontextmanager
async def hearing_the_story(rooms: AppRooms, model: FakeLlm) -> AsyncGenerator[RoomClient]:
    """A caller that hears the story begin, with which the agent greets."""
    async with rooms.call(model, app="storyteller") as client:
        assert await client.reached(lambda: not client.ear.quiet_since(0), timeout_s=LONG_S)
        yield client


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
    served_apps: ServedApps,
) -> None:
    model = FakeLlm(in_turn(ScriptedAnswer(text="Of course.", first_after_s=2.0)))
    clip = await spoken(served_apps.rooms.stack, "Wait, stop. I have another question for you.")
    async with hearing_the_story(served_apps.rooms, model) as client:
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


async def test_a_murmur_loses_no_word_of_the_reply(served_apps: ServedApps) -> None:
    model = FakeLlm()
    clip = await spoken(served_apps.rooms.stack, "Okay.")
    async with hearing_the_story(served_apps.rooms, model) as client:
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
    served_apps: ServedApps,
) -> None:
    model = FakeLlm(in_turn(ScriptedAnswer(text=BOTH, first_after_s=6.0)))
    first = await spoken(served_apps.rooms.stack, "What is the capital of France?")
    second = await spoken(served_apps.rooms.stack, "And tell me the capital of Spain, please.")
    async with hearing_the_story(served_apps.rooms, model) as client:
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
