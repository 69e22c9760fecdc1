"""Tools in a real room: the wait is bridged, can be interrupted, and has effects only when sure."""

import asyncio
import itertools
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from caller import measure
from caller.call_recording import SAMPLE_RATE_HZ
from caller.client import RoomClient
from caller.conversation import CallConversation, Recording
from dialogue.text.languages.english import PHRASES as ENGLISH
from parley.room_events import FloorEvent, ToolEvent, ToolStartedEvent, TurnEvent
from testkit.fake_llm import (
    FakeLlm,
    ScriptedAnswer,
    ScriptedToolCall,
    last_user_text,
    tool_results,
)
from tests.agent.app_rooms import LONG_S, agent_words, hears
from tests.agent.conftest import ServedApps
from tests.agent.slow_service import SlowService, service_running
from tests.agent.test_room import metric, spoken

pytestmark = [pytest.mark.servers, pytest.mark.e2e]

STORY = "Bicycles are older than cars, and people laughed at them at first, but not for very long."
WORD_DELAY_S = 0.8
LONGEST_SILENCE_S = 6.0
"""Four seconds, and what a busy machine adds."""
REACTION_S = 0.1
"""From the decision to yield until the tool's server has seen its client leave."""


def desk(messages: list[dict[str, object]]) -> ScriptedAnswer:
    """Looks orders up, and answers everything else from memory."""
    if results := tool_results(messages):
        return ScriptedAnswer(text=f"Your order was {results[-1]}.")
    if "order" in last_user_text(messages).lower():
        return ScriptedAnswer(calls=[ScriptedToolCall("order_status", {"number": "42"})])
    return ScriptedAnswer(text="We close at six o'clock in the evening.")


@asynccontextmanager
async def calling(
    apps: ServedApps, model: FakeLlm, service: SlowService
) -> AsyncGenerator[RoomClient]:
    async with (
        service_running(service, apps.orders_port),
        apps.rooms.call(model, app="desk") as client,
    ):
        yield client


async def turns_measured(served_apps: ServedApps) -> tuple[float, float]:
    """How many turns were measured, and the seconds from speech to answer together."""
    name, of = "turn_latency_seconds", '{stage="total"}'
    return await metric(served_apps.rooms.stack, f"{name}_count{of}"), await metric(
        served_apps.rooms.stack, f"{name}_sum{of}"
    )


def waits_in_silence(client: RoomClient) -> bool:
    """Whether the agent has said something, and nothing since for a while."""
    spoke_s = client.ear.audible_at_s
    return spoke_s is not None and client.clock() - spoke_s > 1.0


def tool_events(client: RoomClient) -> list[ToolEvent]:
    return [heard.event for heard in client.events if isinstance(heard.event, ToolEvent)]


async def test_a_slow_tool_is_bridged_and_its_answer_comes_after_it(
    served_apps: ServedApps,
) -> None:
    model, service = FakeLlm(desk), SlowService(takes_s=3.0)
    question = Recording("question", await spoken(served_apps.rooms.stack, "Where is my order?"))
    counted, waited_s = await turns_measured(served_apps)
    async with calling(served_apps, model, service) as client:
        conversation = CallConversation(client)
        await conversation.hear_greeting()
        turn = await conversation.turn(question)
        assert turn.report.response_ms is not None
        assert turn.reply is not None
        assert turn.report.agent_transcript.split() == (
            "Let me look that up. Your order was shipped this morning.".split()
        )
        assert turn.reply.length_s > service.takes_s
        assert service.answered == ["42"]
        (told,) = tool_events(client)
        assert (told.name, told.arguments, told.outcome) == (
            "order_status",
            {"number": "42"},
            "done",
        )
        (began,) = [h.event for h in client.events if isinstance(h.event, ToolStartedEvent)]
        assert (began.call_id, began.arguments) == (told.call_id, told.arguments)
        assert told.at_s is not None and told.took_ms is not None
        assert told.took_ms > 900 * service.takes_s
        assert told.at_s > began.at_s
        # What bridged the wait is told as a filler, and is not remembered.
        assert turn.report.filler
        first, then = [h.event for h in client.events if isinstance(h.event, TurnEvent)]
        assert (first.filler, then.filler) == (True, False)
        assert first.at_s is not None and then.at_s is not None
        assert then.at_s - first.at_s > service.takes_s - 1.0
        measured = await turns_measured(served_apps)
        assert measured[0] == counted + 1  # once, to the answer
        assert measured[1] - waited_s > service.takes_s
        await client.type("Thank you, and when do you close?")
        assert await client.reached(lambda: len(model.requests) > 2, timeout_s=LONG_S)
        remembered = [m["content"] for m in model.messages if m["role"] == "assistant"]
        assert remembered[-1] == "Your order was shipped this morning."
        assert not any(text and "look that up" in text for text in remembered)


async def test_who_speaks_into_the_wait_cancels_the_tool_and_is_answered(
    served_apps: ServedApps,
) -> None:
    model, service = FakeLlm(desk), SlowService(takes_s=15.0)
    question = await spoken(served_apps.rooms.stack, "Where is my order?")
    other = await spoken(served_apps.rooms.stack, "Never mind. When do you close in the evening?")
    async with calling(served_apps, model, service) as client:
        await CallConversation(client).hear_greeting()
        await client.speak(question)
        assert await client.reached(lambda: bool(service.asked), timeout_s=LONG_S)
        assert await client.reached(lambda: waits_in_silence(client), timeout_s=LONG_S)
        await client.speak(other)
        assert await client.reached(lambda: bool(service.hung_up_at), timeout_s=LONG_S)
        assert await client.reached(
            lambda: "six o'clock" in client.transcripts.said_by(client.agent_identity, since_s=0),
            timeout_s=LONG_S,
        )
        (yielded_at_s,) = [
            heard.event.at_s
            for heard in client.events
            if isinstance(heard.event, FloorEvent) and heard.event.floor == "yielded"
        ]
        assert service.hung_up_at[0] - yielded_at_s < REACTION_S
        assert service.answered == []
        assert "close" in last_user_text(model.messages)


async def test_hello_in_the_wait_is_answered_and_does_not_start_the_answer_over(
    served_apps: ServedApps,
) -> None:
    model, service = FakeLlm(desk), SlowService(may_answer=asyncio.Event())
    question = await spoken(served_apps.rooms.stack, "Where is my order?")
    hello = await spoken(served_apps.rooms.stack, "Hello? Are you still there?")
    async with calling(served_apps, model, service) as client:
        await CallConversation(client).hear_greeting()
        await client.speak(question)
        assert await client.reached(lambda: bool(service.asked), timeout_s=LONG_S)
        assert await client.reached(lambda: waits_in_silence(client), timeout_s=LONG_S)
        await client.speak(hello)
        assert await hears(client, ENGLISH.still_here[0])
        await client.type("Are you there?")
        assert await hears(client, ENGLISH.still_here[1])
        assert service.may_answer is not None
        service.may_answer.set()
        assert await hears(client, "shipped this morning")
        assert (service.answered, service.hung_up_at) == (["42"], [])
        await client.type("Thank you.")
        assert await client.reached(lambda: len(model.requests) > 2, timeout_s=LONG_S)
        said = [str(message["content"]) for message in model.messages if message["role"] == "user"]
        assert said[-1] == "Thank you."
        assert "my order" in said[0] and said[0].endswith("Are you there?")
        assert "still there" in said[0]


async def test_a_slow_model_is_heard_in_pieces_and_hello_does_not_start_it_over(
    served_apps: ServedApps,
) -> None:
    may_begin = asyncio.Event()
    model = FakeLlm(lambda _: ScriptedAnswer(text=STORY, word_delay_s=WORD_DELAY_S, once=may_begin))
    question = await spoken(served_apps.rooms.stack, "Tell me about bicycles.")
    hello = await spoken(served_apps.rooms.stack, "Hello, can you hear me?")
    async with calling(served_apps, model, SlowService()) as client:
        await CallConversation(client).hear_greeting()
        await client.speak(question)
        assert await client.reached(model.received.is_set, timeout_s=LONG_S)
        assert await client.reached(lambda: waits_in_silence(client), timeout_s=LONG_S)
        await client.speak(hello)
        assert await hears(client, ENGLISH.still_here[0])
        began_s = client.clock()
        may_begin.set()
        assert await hears(client, "very long.")
        heard = client.ear.between(began_s, client.clock()).samples
        sounds = measure.sounds(heard, SAMPLE_RATE_HZ, measure.AUDIBLE_DBFS)
        silences_s = [
            (after.start - before.end) / SAMPLE_RATE_HZ
            for before, after in itertools.pairwise(sounds)
        ]
        assert max(silences_s) < LONGEST_SILENCE_S
        # A guess that was dropped may have asked as well, but nobody asked anew for the hello.
        asked = [last_user_text(request["messages"]) for request in model.requests]
        assert not any("hello" in text.lower() or "hear" in text.lower() for text in asked), asked
        assert agent_words(client).count("Bicycles are older") == 1
