"""A slow tool is blamed as the tool, and what a model makes up is no series."""

import asyncio
import time

from agent.turns.report import Reply, current_reply
from parley import Agent, tool
from testkit.fake_llm import FakeLlm, ScriptedAnswer, ScriptedToolCall, in_turn
from tests.agent.test_session import counted, talk_with

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
