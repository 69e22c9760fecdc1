"""A declared agent answers: model, tools, fillers, hand-offs, failures; the model on a socket."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from pydantic import BaseModel, JsonValue

from dialogue.text.languages.english import PHRASES as ENGLISH
from dialogue.tools import CallableTool
from parley import Agent, HandOff, McpServer, ToolContext, ToolError, hang_up, tool
from parley.app.events import (
    Done,
    Filler,
    Handoff,
    HangUp,
    TextDelta,
    ToolFinished,
    ToolStarted,
    Usage,
)
from parley.app.session import HandedOff, ToolCalled
from testkit.fake_llm import FakeLlm, ScriptedAnswer, ScriptedToolCall, by_text, in_turn
from tests.dialogue.conversing import (
    INSTRUCTIONS,
    all_of,
    ask,
    conversing,
    error_codes,
    of,
    said,
)


@tool
async def order_status(number: str) -> str:
    """Where an order is. number: as printed on the receipt."""
    return f"Order {number} is on its way."


ASKS_FOR_ORDER = by_text(
    {"order": ScriptedAnswer(calls=(ScriptedToolCall("order_status", {"number": "7"}),))}
)


def results_of(events: Sequence[object]) -> list[tuple[str, str]]:
    return [(end.outcome, end.result) for end in of(events, ToolFinished)]


async def test_an_answer_comes_word_by_word_and_ends_with_its_usage() -> None:
    llm = FakeLlm(in_turn(ScriptedAnswer(text="Hello to you.", reasoning="Hm.", usage=(9, 4))))
    async with conversing(llm, Agent()) as conversation:
        events = await ask(conversation, "Hello.")
    assert events == [TextDelta("Hello"), TextDelta(" to"), TextDelta(" you."), Done(Usage(9, 4))]
    assert llm.messages == [
        {"role": "system", "content": INSTRUCTIONS},
        {"role": "user", "content": "Hello."},
    ]


async def test_a_tool_is_called_and_its_result_is_said_and_remembered() -> None:
    llm = FakeLlm(ASKS_FOR_ORDER)
    agent = Agent(instructions="Shop.", tools=[order_status])
    async with conversing(llm, agent) as conversation:
        events = await ask(conversation, "Where is my order?")
        assert [type(event) for event in events[:2]] == [ToolStarted, ToolFinished]
        assert said(events) == "Result: Order 7 is on its way."
        llm.always("You are welcome.")
        await ask(conversation, "Thanks.")
    assert [m["role"] for m in llm.messages] == [
        *("system", "user", "assistant", "tool", "assistant", "user")
    ]
    offered = llm.requests[0]["tools"][0]["function"]
    assert offered["name"] == "order_status" and "receipt" in offered["description"]


async def test_parallel_tools_run_side_by_side() -> None:
    both_run = asyncio.Barrier(2)

    @tool(read_only=True)
    async def first() -> str:
        """One."""
        await asyncio.wait_for(both_run.wait(), 60.0)
        return "one"

    @tool
    async def second() -> str:
        """Two."""
        await asyncio.wait_for(both_run.wait(), 60.0)
        return "two"

    llm = FakeLlm(
        by_text(
            {"go": ScriptedAnswer(calls=(ScriptedToolCall("first"), ScriptedToolCall("second")))}
        )
    )
    async with conversing(llm, Agent(tools=[first, second])) as conversation:
        events = await ask(conversation, "Go.")
    assert said(events) == "Result: one two"


async def test_text_around_a_tool_is_kept_apart() -> None:
    call = ScriptedToolCall("order_status", {"number": "7"})
    llm = FakeLlm(
        in_turn(ScriptedAnswer(text="Let me see.", calls=(call,)), ScriptedAnswer(text="It comes."))
    )
    async with conversing(llm, Agent(tools=[order_status])) as conversation:
        assert said(await ask(conversation, "Where is it?")) == "Let me see. It comes."


async def test_results_of_every_kind_reach_the_model() -> None:
    class Order(BaseModel):
        number: int

    returned: list[object] = [Order(number=7), {"a": [1]}, [1, "two"], None, 3.5]

    @tool
    async def look() -> object:
        """Looks."""
        return returned.pop(0)

    llm = FakeLlm(by_text({"go": ScriptedAnswer(calls=(ScriptedToolCall("look"),))}))
    async with conversing(llm, Agent(tools=[look])) as conversation:
        results = [results_of(await ask(conversation, "Go."))[0][1] for _ in range(5)]
    assert results == ['{"number":7}', '{"a":[1]}', '[1,"two"]', "Done.", "3.5"]


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (ScriptedToolCall("order_status", '{"number": '), "not valid JSON"),
        (ScriptedToolCall("order_status", "[]"), "must be a JSON object"),
        (ScriptedToolCall("order_status", {}), "number: Field required"),
        (ScriptedToolCall("order_status", {"number": "7", "x": 1}), "x: Extra inputs"),
        (
            ScriptedToolCall("cancel_order", {}),
            "There is no tool 'cancel_order'. The tools are: order_status",
        ),
    ],
)
async def test_the_model_is_told_what_was_wrong_with_a_call(
    call: ScriptedToolCall, told: str
) -> None:
    llm = FakeLlm(by_text({"go": ScriptedAnswer(calls=(call,))}))
    async with conversing(llm, Agent(tools=[order_status])) as conversation:
        ((outcome, result),) = results_of(await ask(conversation, "Go."))
    assert outcome == "failed" and told in result
    assert told in llm.messages[-1]["content"]


async def test_failing_tools_leave_no_word_of_the_person_in_the_logs(
    caplog: pytest.LogCaptureFixture,
) -> None:
    @tool
    async def refuse(name: str) -> str:
        """Refuses."""
        raise ToolError("We have no such bicycle.")

    @tool
    async def fail(name: str) -> str:
        """Fails."""
        raise KeyError(name)

    @tool(timeout_s=0.05)
    async def stall(name: str) -> str:
        """Stalls."""
        await asyncio.Event().wait()
        return ""

    calls = [ScriptedToolCall(name, {"name": "Quixote"}) for name in ("refuse", "fail", "stall")]
    llm = FakeLlm(by_text({"go": ScriptedAnswer(calls=calls)}))
    async with conversing(llm, Agent(tools=[refuse, fail, stall])) as conversation:
        results = dict.fromkeys(results_of(await ask(conversation, "Go.")))
    assert {outcome for outcome, _ in results} == {"failed"}
    told = " ".join(result for _, result in results)
    assert "We have no such bicycle." in told and "Apologize" in told and "0.05 seconds" in told
    assert "KeyError" in caplog.text and "session s1" in caplog.text
    assert "Quixote" not in caplog.text


async def test_a_plain_function_does_not_hold_up_the_conversation() -> None:
    loop_turned = asyncio.Event()

    @tool
    def slow(context: ToolContext) -> str:
        """Slow."""
        asyncio.run_coroutine_threadsafe(_set(loop_turned), loop).result(5.0)
        context.say("Half done.")
        return "done"

    loop = asyncio.get_running_loop()
    llm = FakeLlm(by_text({"go": ScriptedAnswer(calls=(ScriptedToolCall("slow"),))}))
    async with conversing(llm, Agent(tools=[slow])) as conversation:
        events = await ask(conversation, "Go.")
    assert Filler("Half done.") in events and said(events) == "Result: done"


async def _set(event: asyncio.Event) -> None:
    event.set()


@dataclass
class RemoteTool:
    """As another source of tools makes them."""

    name: str = "order_status"
    description: str = "Remote."
    says: str | None = None
    read_only: bool = True
    must_finish: bool = False
    needs_approval: bool = False
    timeout_s: float = 1.0

    @property
    def schema(self) -> dict[str, JsonValue]:
        return {"type": "object", "properties": {}}

    async def run(self, arguments: dict[str, JsonValue], context: ToolContext) -> str:
        return f"remote {self.name}"


@dataclass
class Source:
    offered: Sequence[CallableTool]
    state: str = "made"

    def start(self) -> None:
        assert self.state == "made"
        self.state = "started"

    async def ready(self, timeout_s: float) -> bool:
        return self.state == "started"

    def tools(self) -> Sequence[CallableTool]:
        return self.offered if self.state == "started" else ()

    async def aclose(self) -> None:
        self.state = "closed"


async def test_tools_of_a_server_are_offered_beside_the_declared_ones() -> None:
    agent = Agent(tools=[order_status], mcp=[McpServer(name="My Shop", command=["x"])])
    llm = FakeLlm(by_text({"go": ScriptedAnswer(calls=(ScriptedToolCall("mcp_order_status"),))}))
    source = Source([RemoteTool(), RemoteTool("stock")])
    async with conversing(llm, agent, sources=lambda _: source) as conversation:
        assert said(await ask(conversation, "Go.")) == "Result: remote order_status"
    names = [offered["function"]["name"] for offered in llm.requests[0]["tools"]]
    assert names == ["order_status", "mcp_order_status", "stock"]
    assert source.state == "closed"


async def test_where_nobody_can_approve_a_call_is_refused() -> None:
    refused = replace(order_status, needs_approval=True)
    async with conversing(FakeLlm(ASKS_FOR_ORDER), Agent(tools=[refused])) as conversation:
        ((outcome, _),) = results_of(await ask(conversation, "My order?"))
    assert outcome == "refused"


async def test_another_agent_takes_over_and_speaks_of_itself() -> None:
    sales = Agent(name="Sales desk", instructions="Sell.", tools=[order_status])
    desk = Agent(instructions="Desk.", handoffs=[HandOff(agent=sales, when="They buy.", keeps=0)])
    llm = FakeLlm(in_turn(ScriptedAnswer(calls=(ScriptedToolCall("hand_off_to_sales_desk"),))))
    async with conversing(llm, desk) as conversation:
        events = await ask(conversation, "I want to buy.")
        assert events == [Handoff("Sales desk", 0), Done()]
        assert conversation.agent is sales
        assert of(conversation.session.log.entries, ToolCalled) == []
        assert [e.agent for e in of(conversation.session.log.entries, HandedOff)] == ["Sales desk"]
        llm.always("Sales here.")
        turn = conversation.turn("", waiting_since_s=time.monotonic())
        assert said(await all_of(turn)) == "Sales here."
    assert llm.messages == [{"role": "system", "content": "Sell."}]
    assert llm.requests[0]["tools"][0]["function"]["description"] == "They buy."
    assert llm.requests[1]["tools"][0]["function"]["name"] == "order_status"


async def test_a_tool_hands_over_and_hangs_up_through_its_context() -> None:
    sales = Agent(name="sales", instructions="Sell.", tools=[hang_up])

    @tool
    async def transfer(context: ToolContext) -> str:
        """Transfers."""
        context.hand_off("sales")
        return "ok"

    agent = Agent(tools=[transfer], handoffs=[HandOff(agent=sales, when="Never.")])
    llm = FakeLlm(in_turn(ScriptedAnswer(calls=(ScriptedToolCall("transfer"),))))
    async with conversing(llm, agent) as conversation:
        assert (await ask(conversation, "Sales!"))[-2:] == [Handoff("sales"), Done()]
        llm.script = in_turn(
            ScriptedAnswer(calls=(ScriptedToolCall("hang_up"),)), ScriptedAnswer(text="Bye.")
        )
        events = await ask(conversation, "Goodbye.")
        assert said(events) == "Bye." and events[-2:] == [HangUp(), Done()]
        llm.script = in_turn(ScriptedAnswer(calls=(ScriptedToolCall("hang_up"),)), ScriptedAnswer())
        assert said(await ask(conversation, "Goodbye.")) == ENGLISH.closing


async def test_a_model_that_fails_is_apologized_for_and_asked_again_next_time() -> None:
    llm = FakeLlm(in_turn(ScriptedAnswer(status=500)))
    async with conversing(llm, Agent()) as conversation:
        events = await ask(conversation, "Hello.")
        assert error_codes(events) == ["model_unavailable"]
        assert of(events, Filler) == [Filler(ENGLISH.apology)]
        llm.script = in_turn(ScriptedAnswer(text="one two three", breaks_off_after=2))
        events = await ask(conversation, "Count.")
        assert said(events) == "one two" and error_codes(events) == ["model_unreachable"]
        llm.always("Hello.")
        assert said(await ask(conversation, "Hello.")) == "Hello."


async def test_an_empty_answer_is_apologized_for() -> None:
    async with conversing(FakeLlm(in_turn(ScriptedAnswer(text=""))), Agent()) as conversation:
        events = await ask(conversation, "Hello.")
    assert events[1:] == [Filler(ENGLISH.no_answer), Done()]
    assert error_codes(events) == ["model_no_answer"]


async def test_a_model_that_calls_tools_without_end_is_made_to_answer() -> None:
    asks = [
        ScriptedAnswer(calls=(ScriptedToolCall("order_status", {"number": number}, id="same"),))
        for number in "1234567"
    ]
    llm = FakeLlm(in_turn(*asks, ScriptedAnswer(text="Enough.")))
    async with conversing(llm, Agent(tools=[order_status])) as conversation:
        events = await ask(conversation, "My order?")
        ended = of(events, ToolFinished)
    assert said(events) == "Enough." and len(llm.requests) == 8
    assert "tools" not in llm.requests[-1]
    assert len({end.call_id for end in ended}) == 7


async def test_the_agents_own_model_and_temperature_are_used() -> None:
    llm = FakeLlm()
    async with conversing(llm, Agent(model="big", temperature=0.0)) as conversation:
        await ask(conversation, "Hello.")
    assert (llm.requests[0]["model"], llm.requests[0]["temperature"]) == ("big", 0.0)


async def test_a_tool_is_bridged_in_time_to_be_heard() -> None:
    finish = asyncio.Event()

    @tool(says="Let me look that up.", read_only=True)
    async def look() -> str:
        """Looks."""
        await finish.wait()
        return "found"

    llm = FakeLlm(by_text({"look": ScriptedAnswer(calls=(ScriptedToolCall("look"),))}))
    async with conversing(llm, Agent(tools=[look])) as conversation:
        stopped_s = time.monotonic()
        turn = conversation.turn("Look.", waiting_since_s=stopped_s)
        async for event in turn.events():
            if isinstance(event, Filler):
                assert event.text == "Let me look that up."
                assert time.monotonic() - stopped_s >= 0.8
                finish.set()  # not before: the tool waits for as long as nothing is said
    assert finish.is_set()
