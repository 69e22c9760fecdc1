"""What an interruption ends, and what it must not: tools, the model's request, the log."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import httpx2
from aiohttp import web

from dialogue.conversation import ActiveTurn
from dialogue.unfinished import CUT_OFF, STILL_RUNS
from parley import Agent, tool
from parley.app.events import Event, TextDelta, ToolFinished, ToolStarted
from parley.app.session import AgentSaid, PersonSaid, ToolCalled
from testkit.fake_llm import FakeLlm, ScriptedAnswer, ScriptedToolCall, by_text, in_turn
from tests.dialogue.conversing import all_of, ask, conversing, of, said

WITHIN_S, NEVER_S = 60.0, 600.0


async def cancelled_at(turn: ActiveTurn, wanted: Callable[[Event], bool]) -> list[Event]:
    """The events until one that is wanted; there the person interrupts."""
    events, found = turn.events(), list[Event]()
    async for event in events:
        found.append(event)
        if wanted(event):
            break
    await events.aclose()
    return found


def is_started(event: Event) -> bool:
    return isinstance(event, ToolStarted)


@asynccontextmanager
async def shop_serving(asked: asyncio.Event, gone: asyncio.Event) -> AsyncGenerator[str]:
    """An HTTP service that never answers, and notes when its client goes."""

    async def stock(_: web.Request) -> web.Response:
        asked.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            gone.set()
            raise
        return web.Response()

    app = web.Application()
    app.add_routes([web.get("/", stock)])
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    await runner.cleanup()


async def test_a_tools_server_sees_at_once_that_the_person_interrupted() -> None:
    asked, gone = asyncio.Event(), asyncio.Event()
    async with shop_serving(asked, gone) as url:

        @tool
        async def stock() -> str:
            """What is in stock."""
            async with httpx2.AsyncClient(timeout=None) as client:
                return (await client.get(url)).text

        llm = FakeLlm(by_text({"stock": ScriptedAnswer(calls=(ScriptedToolCall("stock"),))}))
        async with conversing(llm, Agent(tools=[stock])) as conversation:
            turn = conversation.turn("What is in stock?", waiting_since_s=time.monotonic())
            turn.commit()
            reading = asyncio.create_task(all_of(turn))
            await asyncio.wait_for(asked.wait(), WITHIN_S)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            await asyncio.wait_for(gone.wait(), WITHIN_S)
            (called,) = of(conversation.session.log.entries, ToolCalled)
    assert called.outcome == "cancelled"


async def test_the_models_server_sees_at_once_that_the_person_interrupted() -> None:
    llm = FakeLlm(in_turn(ScriptedAnswer(text="one two three", word_delay_s=NEVER_S)))
    async with conversing(llm, Agent()) as conversation:
        turn = conversation.turn("Count.", waiting_since_s=time.monotonic())
        events = turn.events()
        assert await anext(events) == TextDelta("one")
        await events.aclose()
        await asyncio.wait_for(llm.disconnected.wait(), WITHIN_S)


async def test_a_tool_that_must_finish_goes_on_and_its_result_is_remembered() -> None:
    finish = asyncio.Event()
    orders: list[str] = []

    @tool(must_finish=True)
    async def order(what: str) -> str:
        """Orders."""
        await finish.wait()
        orders.append(what)
        return "Ordered."

    llm = FakeLlm(
        by_text({"order": ScriptedAnswer(calls=(ScriptedToolCall("order", {"what": "bell"}),))})
    )
    async with conversing(llm, Agent(tools=[order])) as conversation:
        turn = conversation.turn("Order a bell.", waiting_since_s=time.monotonic())
        turn.commit()
        await cancelled_at(turn, is_started)
        llm.always("I'm on it.")
        await ask(conversation, "Quick!")
        assert STILL_RUNS in [m["content"] for m in llm.messages]
        assert of(conversation.session.log.entries, ToolCalled) == []
        finish.set()
        await conversation.aclose()
        (called,) = of(conversation.session.log.entries, ToolCalled)
        assert (called.turn_id, called.outcome, called.result) == (turn.id, "done", "Ordered.")
        await ask(conversation, "And now?")
        assert "Ordered." in [m["content"] for m in llm.messages]
    assert orders == ["bell"]


async def test_a_plain_function_goes_on_for_a_thread_cannot_be_cancelled() -> None:
    begun, finish = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    @tool
    def order() -> str:
        """Orders."""
        loop.call_soon_threadsafe(begun.set)
        asyncio.run_coroutine_threadsafe(_true(finish), loop).result(WITHIN_S)
        return "Ordered."

    llm = FakeLlm(by_text({"order": ScriptedAnswer(calls=(ScriptedToolCall("order"),))}))
    async with conversing(llm, Agent(tools=[order])) as conversation:
        turn = conversation.turn("Order.", waiting_since_s=time.monotonic())
        turn.commit()
        await cancelled_at(turn, is_started)
        await asyncio.wait_for(begun.wait(), WITHIN_S)
        finish.set()
        await conversation.aclose()
        (called,) = of(conversation.session.log.entries, ToolCalled)
    assert called.outcome == "done"


async def _true(event: asyncio.Event) -> bool:
    return await event.wait()


async def test_a_tool_that_does_not_finish_in_time_is_cut_off_at_the_end() -> None:
    @tool(must_finish=True)
    async def order() -> str:
        """Orders."""
        await asyncio.Event().wait()
        return ""

    llm = FakeLlm(by_text({"order": ScriptedAnswer(calls=(ScriptedToolCall("order"),))}))
    async with conversing(llm, Agent(tools=[order])) as conversation:
        turn = conversation.turn("Order.", waiting_since_s=time.monotonic())
        turn.commit()
        await cancelled_at(turn, is_started)
        await conversation.aclose(deadline_s=0.02)
        (called,) = of(conversation.session.log.entries, ToolCalled)
    assert (called.outcome, called.result) == ("cancelled", CUT_OFF)


async def test_an_interrupted_answer_is_remembered_as_far_as_it_was_heard() -> None:
    llm = FakeLlm(in_turn(ScriptedAnswer(text="one two three four", word_delay_s=0.01)))
    async with conversing(llm, Agent()) as conversation:
        turn = conversation.turn("Count.", waiting_since_s=time.monotonic())
        turn.commit()
        await cancelled_at(turn, lambda event: event == TextDelta(" three"))
        await conversation.heard(turn.id, "one two", interrupted=True)
        entries = conversation.session.log.entries
        assert of(entries, AgentSaid)[0].text == "one two three"
        await ask(conversation, "Go on.")
    assert llm.messages[1:] == [
        {"role": "user", "content": "Count."},
        {"role": "assistant", "content": "one two"},
        {"role": "user", "content": "Go on."},
    ]


async def test_a_guess_runs_only_what_reads_until_it_is_committed() -> None:
    ran: list[str] = []

    @tool(read_only=True)
    async def look() -> str:
        """Looks."""
        ran.append("look")
        return "7"

    @tool
    async def order() -> str:
        """Orders."""
        ran.append("order")
        return "ok"

    llm = FakeLlm(
        by_text(
            {"order": ScriptedAnswer(calls=(ScriptedToolCall("look"), ScriptedToolCall("order")))}
        )
    )
    async with conversing(llm, Agent(tools=[look, order])) as conversation:
        guess = conversation.turn("Order", waiting_since_s=time.monotonic())
        found = await cancelled_at(guess, lambda event: isinstance(event, ToolFinished))
        assert len(of(found, ToolStarted)) == 1
        assert ran == ["look"] and conversation.session.log.entries == []

        turn = conversation.turn("Order it.", waiting_since_s=time.monotonic())
        events = []
        async for event in turn.events():
            events.append(event)
            if isinstance(event, ToolFinished) and event.name == "look":
                assert ran == ["look", "look"]
                turn.commit()
        assert ran == ["look", "look", "order"]
        kinds = [type(entry) for entry in conversation.session.log.entries]
    assert kinds == [PersonSaid, ToolCalled, ToolCalled, AgentSaid]


async def test_a_guess_that_was_answered_before_it_was_committed_is_logged_in_order() -> None:
    async with conversing(FakeLlm(), Agent()) as conversation:
        turn = conversation.turn("Hello.", waiting_since_s=time.monotonic())
        assert said(await all_of(turn)) == "Of course."
        assert conversation.session.log.entries == []
        turn.commit()
        turn.commit()
        kinds = [type(entry) for entry in conversation.session.log.entries]
    assert kinds == [PersonSaid, AgentSaid]


async def test_a_tool_that_ends_at_the_moment_of_the_interruption_is_remembered() -> None:
    @tool
    async def order() -> str:
        """Orders."""
        reading.cancel()  # the reader learns of it only after this has returned
        return "Ordered."

    llm = FakeLlm(by_text({"order": ScriptedAnswer(calls=(ScriptedToolCall("order"),))}))
    async with conversing(llm, Agent(tools=[order])) as conversation:
        turn = conversation.turn("Order.", waiting_since_s=time.monotonic())
        turn.commit()
        reading = asyncio.create_task(all_of(turn))
        await asyncio.gather(reading, return_exceptions=True)
        assert reading.cancelled()
        (called,) = of(conversation.session.log.entries, ToolCalled)
    assert (called.outcome, called.result) == ("done", "Ordered.")
