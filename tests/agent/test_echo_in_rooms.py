"""Callers on a loudspeaker that nobody cancels: the agent hears all that it says."""

import asyncio

import pytest

from caller.client import RoomClient
from caller.loudspeaker import Loudspeaker
from caller.microphone import SAMPLE_RATE_HZ
from parley.room_events import InterruptedEvent, TurnEvent
from testkit.fake_llm import FakeLlm, Messages, ScriptedAnswer, last_user_text
from tests.agent import room_apps
from tests.agent.app_rooms import LONG_S, AppRooms, agent_words
from tests.agent.conftest import ServedApps
from tests.agent.test_interruption import floors, passes, told

pytestmark = [pytest.mark.servers, pytest.mark.e2e]

GREETING = str(room_apps.shop.greeting)
ANSWERS = {
    "chain": "A new chain is twenty pounds, and it takes us about an hour to put it on.",
    "open": "Certainly. We open at nine in the morning, and on Saturdays a little later than that.",
}
CALL_S = 35.0
ROOMS = {"near": (-12.0, 0.05), "far": (-24.0, 0.3), "between": (-18.0, 0.15)}
"""How loud the echo is, in dB, and how late, in seconds."""


def shop(messages: Messages) -> ScriptedAnswer:
    return ScriptedAnswer(text=ANSWERS[last_user_text(messages).split()[-1].rstrip("?.")])


async def hears_itself(rooms: AppRooms, name: str) -> RoomClient:
    """The caller of a call of some length in which nobody speaks but the agent."""
    gain_db, delay_s = ROOMS[name]
    loudspeaker = Loudspeaker(gain_db=gain_db, delay_s=delay_s, sample_rate_hz=SAMPLE_RATE_HZ)
    async with rooms.caller(app="shop", loudspeaker=loudspeaker) as client:
        began_s = client.clock()
        assert await client.reached(lambda: GREETING in agent_words(client), timeout_s=LONG_S)
        for asked, answer in ANSWERS.items():
            await passes(client, 4.0)  # words of an echo come late
            await client.type(f"In the room {name}: {asked}")
            said = lambda answer=answer: answer in agent_words(client)  # noqa: E731
            assert await client.reached(said, timeout_s=LONG_S)
        await passes(client, max(4.0, CALL_S - (client.clock() - began_s)))
        return client


async def test_an_agent_that_hears_itself_does_not_answer_itself(served_apps: ServedApps) -> None:
    rooms = served_apps.rooms
    model = FakeLlm(shop)
    async with rooms.answering(model):
        clients = await asyncio.gather(*(hears_itself(rooms, name) for name in ROOMS))
    for name, client in zip(ROOMS, clients, strict=True):
        assert "yielded" not in floors(client), name
        assert not told(client, InterruptedEvent), name
        assert len(told(client, TurnEvent)) <= len(ANSWERS), name
    asked = [last_user_text(request["messages"]) for request in model.requests]
    assert sorted(asked) == sorted(f"In the room {n}: {a}" for n in ROOMS for a in ANSWERS)
