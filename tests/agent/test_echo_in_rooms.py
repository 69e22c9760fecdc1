"""Callers on a loudspeaker that nobody cancels: the agent hears all that it says."""

import asyncio

import pytest

from caller.client import RoomClient
from caller.loudspeaker import Loudspeaker
from caller.microphone import SAMPLE_RATE_HZ
from parley.room_events import AnyEvent, FloorEvent, InterruptedEvent, TurnEvent
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
UNASKED = "That was no question of this call."
CALL_S = 35.0
ROOMS = {"near": (-12.0, 0.05), "far": (-24.0, 0.3), "between": (-18.0, 0.15)}
"""How loud the echo is, in dB, and how late, in seconds."""


def shop(messages: Messages) -> ScriptedAnswer:
    asked = last_user_text(messages).rpartition(" ")[2]
    return ScriptedAnswer(text=ANSWERS.get(asked, UNASKED))


def account(name: str, client: RoomClient, model: FakeLlm) -> str:
    """What became of a call, for who has nothing but the log of a failed test."""
    began_s = client.events[0].at_s if client.events else client.clock()
    person = client.access.identity
    told_s = [(round(each.at_s - began_s, 2), each.event) for each in client.events]
    return "\n".join(
        [
            f"the room {name}: {ROOMS[name][0]:.0f} dB, {ROOMS[name][1]} s",
            f"the agent said: {agent_words(client)!r}",
            f"the person was heard to say: {client.transcripts.said_by(person, since_s=0)!r}",
            f"the model was asked: {asked_of(model)}",
            f"the microphone starved for {client.microphone.starved_s:.1f} s",
            "told, in seconds since the first:",
            *(f"{at_s:7.2f} {_in_short(event)}" for at_s, event in told_s),
        ]
    )


def _in_short(event: AnyEvent) -> str:
    return f"floor {event.floor}" if isinstance(event, FloorEvent) else str(event)


def asked_of(model: FakeLlm) -> list[str]:
    return [last_user_text(request["messages"]) for request in model.requests]


def cut_by_voice(client: RoomClient) -> list[InterruptedEvent]:
    """Without what a typed question cuts, if only an apology for a recognition that is starved."""
    return [
        cut
        for cut in told(client, InterruptedEvent)
        if isinstance(cut, InterruptedEvent) and cut.decided_at_s is not None
    ]


async def hears_itself(rooms: AppRooms, name: str, model: FakeLlm) -> RoomClient:
    """The caller of a call of some length in which nobody speaks but the agent."""
    gain_db, delay_s = ROOMS[name]
    loudspeaker = Loudspeaker(gain_db=gain_db, delay_s=delay_s, sample_rate_hz=SAMPLE_RATE_HZ)
    async with rooms.caller(app="shop", loudspeaker=loudspeaker) as client:
        began_s = client.clock()
        greeted = await client.reached(lambda: GREETING in agent_words(client), timeout_s=LONG_S)
        assert greeted, f"the greeting was not heard whole: {account(name, client, model)}"
        for asked, answer in ANSWERS.items():
            await passes(client, 4.0)  # words of an echo come late
            await client.type(f"In the room {name}: {asked}")
            said = lambda answer=answer: answer in agent_words(client)  # noqa: E731
            answered = await client.reached(said, timeout_s=LONG_S)
            assert answered, f"{answer!r} was not heard whole: {account(name, client, model)}"
        await passes(client, max(4.0, CALL_S - (client.clock() - began_s)))
        return client


async def test_an_agent_that_hears_itself_does_not_answer_itself(served_apps: ServedApps) -> None:
    rooms = served_apps.rooms
    model = FakeLlm(shop)
    async with rooms.answering(model):
        clients = await asyncio.gather(*(hears_itself(rooms, name, model) for name in ROOMS))
    for name, client in zip(ROOMS, clients, strict=True):
        what_became = account(name, client, model)
        assert "yielded" not in floors(client), what_became
        assert not cut_by_voice(client), what_became
        assert len(told(client, TurnEvent)) <= len(ANSWERS), what_became
    assert sorted(asked_of(model)) == sorted(
        f"In the room {n}: {a}" for n in ROOMS for a in ANSWERS
    )
