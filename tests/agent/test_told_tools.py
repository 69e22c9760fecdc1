"""What is told of a tool: how long it took, and to clients no more than they are to know."""

import asyncio
import time
from typing import cast

from livekit import rtc

from agent.room.events import RoomEventPublisher
from agent.turns.report import Reply, current_reply
from parley import Agent, tool
from parley.room_events import ToolEvent, ToolStartedEvent
from testkit.fake_llm import FakeLlm, ScriptedAnswer, ScriptedToolCall, in_turn
from tests.agent.test_session import Room, counted, talk_with

TOOL_S = 1.0


def calls(name: str, outcome: str) -> float:
    return counted("tool_latency_seconds_count", tool=name, outcome=outcome)


async def test_a_slow_tool_is_told_as_the_tool_and_not_as_the_model() -> None:
    ended: list[tuple[Reply, float]] = []

    @tool(read_only=True)
    async def order_status(number: str) -> str:
        """Where an order is. number: as printed on the receipt."""
        await asyncio.sleep(TOOL_S)
        ended.append((current_reply.get(), time.perf_counter()))
        return "shipped"

    asked = ScriptedAnswer(
        calls=[
            ScriptedToolCall("order_status", {"number": "42"}),
            ScriptedToolCall("no_such_tool_as_models_make_up", {}),
            ScriptedToolCall("order_status", "{"),
        ]
    )
    model = FakeLlm(in_turn(asked, ScriptedAnswer(text="It was shipped.")))
    ran, failed = calls("order_status", "done"), calls("none", "failed")
    took_s = counted("tool_latency_seconds_sum", tool="order_status", outcome="done")
    app = Agent(instructions="Be kind.", tools=[order_status])
    async with talk_with(model, app=app) as talk:
        await talk.ask("Where is my order?")
        told_s = time.perf_counter()
    ((reply, tool_ended_s),) = ended
    assert reply.llm_first_token_s is not None
    assert reply.llm_first_token_s <= told_s - tool_ended_s
    assert calls("order_status", "done") == ran + 1
    assert calls("none", "failed") == failed + 2
    assert calls("no_such_tool_as_models_make_up", "failed") == 0
    took_s = counted("tool_latency_seconds_sum", tool="order_status", outcome="done") - took_s
    assert took_s >= 0.9 * TOOL_S


async def test_what_a_tool_was_asked_and_answered_stays_in_where_clients_are_not_to_know() -> None:
    began = ToolStartedEvent(call_id="1", name="order", arguments={"number": "42"}, at_s=1.0)
    ended = ToolEvent(
        call_id="1", name="order", arguments={"number": "42"}, outcome="done", result="shipped"
    )
    room, open_room = Room(), Room()
    for each, shows in ((room, False), (open_room, True)):
        events = RoomEventPublisher(cast(rtc.Room, each), shows_tool_details=shows)
        events.send(began)
        events.send(ended)
        await events.aclose()
    assert room.events == [
        began.model_copy(update={"arguments": {}}),
        ended.model_copy(update={"arguments": {}, "result": ""}),
    ]
    assert open_room.events == [began, ended]
