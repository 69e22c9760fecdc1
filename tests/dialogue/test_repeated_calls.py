"""A model that asks again for what it has just had done: it is done once."""

import json

import pytest

from parley import Agent, tool
from parley.app.events import ToolFinished
from testkit.fake_llm import FakeLlm, ScriptedAnswer, ScriptedToolCall, in_turn
from tests.dialogue.conversing import ask, conversing, of, said


class Desk:
    """Orders that were placed, dice that were thrown."""

    def __init__(self) -> None:
        self.orders: list[str] = []
        self.throws = 0

    def agent(self) -> Agent:
        @tool
        async def order(item: str, count: int = 1) -> str:
            """Orders. item: what; count: how many."""
            self.orders += [item] * count
            return f"{count} {item} ordered."

        @tool(read_only=True)
        async def throw() -> str:
            """Throws a die."""
            self.throws += 1
            if self.throws == 2:
                raise RuntimeError("off the table")
            return "six"

        return Agent(instructions="Shop.", tools=[order, throw])


def calls(*wanted: tuple[str, dict[str, object]]) -> ScriptedAnswer:
    return ScriptedAnswer(calls=tuple(ScriptedToolCall(name, given) for name, given in wanted))


@pytest.mark.parametrize(
    "again",
    [{"item": "bell"}, {"item": "bell", "count": 2}, {"count": 3, "item": "lamp"}],
)
async def test_the_same_call_is_not_done_twice(again: dict[str, object]) -> None:
    desk = Desk()
    llm = FakeLlm(
        in_turn(calls(("order", again)), calls(("order", again)), ScriptedAnswer(text="Ordered."))
    )
    async with conversing(llm, desk.agent()) as conversation:
        events = await ask(conversation, "Order it.")
    assert desk.orders == [str(again["item"])] * int(str(again.get("count", 1)))
    assert len(of(events, ToolFinished)) == 1
    assert said(events) == "Ordered."
    assert "tools" not in llm.requests[-1], "it is made to answer"
    assert "not done twice" in json.dumps(llm.messages[-1])


async def test_another_call_is_done_and_so_is_one_more_in_the_next_turn() -> None:
    desk = Desk()
    bell, lamp = ("order", {"item": "bell"}), ("order", {"item": "lamp"})
    llm = FakeLlm(
        in_turn(
            calls(bell), calls(lamp), ScriptedAnswer(text="Both."),
            calls(bell), ScriptedAnswer(text="Another."),
        )
    )  # fmt: skip
    async with conversing(llm, desk.agent()) as conversation:
        await ask(conversation, "A bell and a lamp.")
        await ask(conversation, "Another bell.")
    assert desk.orders == ["bell", "lamp", "bell"]


async def test_two_at_once_are_two_and_one_that_failed_may_be_tried_again() -> None:
    desk = Desk()
    throw: tuple[str, dict[str, object]] = ("throw", {})
    llm = FakeLlm(in_turn(calls(throw, throw), ScriptedAnswer(text="Thrown.")))
    async with conversing(llm, desk.agent()) as conversation:
        await ask(conversation, "Throw two.")
        assert desk.throws == 2
    failing = Desk()
    failing.throws = 1
    llm = FakeLlm(in_turn(calls(throw), calls(throw), ScriptedAnswer(text="Six.")))
    async with conversing(llm, failing.agent()) as conversation:
        events = await ask(conversation, "Throw.")
    assert failing.throws == 3
    assert [end.outcome for end in of(events, ToolFinished)] == ["failed", "done"]
