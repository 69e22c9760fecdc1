"""Of a guess that did not come true nothing is kept; of a turn nothing longer than it is needed."""

import asyncio
import gc
from typing import Any

import pytest

from dialogue.conversation import Conversation
from dialogue.turn_log import TurnLog
from parley import Agent, tool
from parley.app.session import PersonSaid, ToolCalled
from testkit.fake_llm import FakeLlm, ScriptedAnswer, ScriptedToolCall, tool_results
from tests.dialogue.conversing import all_of, ask, conversing, of


def kept() -> int:
    """How many logs of turns there are in this process."""
    gc.collect()
    return sum(isinstance(each, TurnLog) for each in gc.get_objects())


@pytest.mark.parametrize("read", ["not at all", "its beginning", "to its end"])
async def test_a_dropped_guess_leaves_nothing(read: str) -> None:
    before = kept()
    async with conversing(FakeLlm(), Agent()) as conversation:
        for number in range(20):
            await _guess(conversation, f"Guess {number}", read)
        assert kept() - before == 0
        assert conversation.session.log.entries == []


async def _guess(conversation: Conversation, text: str, read: str) -> None:
    turn = conversation.turn(text, waiting_since_s=0.0)
    events = turn.events()
    if read == "its beginning":
        await anext(events)
    elif read == "to its end":
        assert [event async for event in events]
    if read != "its beginning":
        await events.aclose()
    turn.drop()
    await events.aclose()
    turn.commit()  # too late
    assert not conversation.session.log.entries


@pytest.mark.parametrize("order", ["committed first", "answered first"])
async def test_a_turn_that_is_over_is_in_the_log_alone(order: str) -> None:
    before = kept()
    async with conversing(FakeLlm(), Agent()) as conversation:
        for number in range(5):
            turn = conversation.turn(f"Turn {number}", waiting_since_s=0.0)
            if order == "committed first":
                turn.commit()
            await all_of(turn)
            turn.commit()
            await conversation.heard(turn.id, "Of course.")
            del turn
        assert kept() - before == 0
        assert len(of(conversation.session.log.entries, PersonSaid)) == 5


async def test_a_tool_that_must_finish_is_logged_after_its_turn_and_then_nothing_is_kept() -> None:
    may_end, before = asyncio.Event(), kept()

    @tool(must_finish=True)
    async def order() -> str:
        """Orders it."""
        await may_end.wait()
        return "ordered"

    def script(messages: Any) -> ScriptedAnswer:
        return (
            ScriptedAnswer(text="Done.")
            if tool_results(messages)
            else ScriptedAnswer(calls=[ScriptedToolCall("order")])
        )

    async with conversing(FakeLlm(script), Agent(tools=[order])) as conversation:
        turn = conversation.turn("Order it.", waiting_since_s=0.0)
        turn.commit()
        events = turn.events()
        await anext(events)  # the tool has begun
        await events.aclose()
        await conversation.heard(turn.id, "", interrupted=True)
        del turn, events
        assert kept() - before == 1
        may_end.set()
        await ask(conversation, "And?")
        ended = of(conversation.session.log.entries, ToolCalled)
        assert [(call.name, call.outcome) for call in ended] == [("order", "done")] * len(ended)
        assert ended
        assert kept() - before == 0
