"""Every example answers by voice: real rooms of one stack, and a model that is told what to say."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from agent.turns.word_policy import WordPolicy
from caller.client import RoomClient
from caller.conversation import CallConversation, Recording, settled
from ops.supervisor.stack import Stack
from parley import Meaning, Overlap, paths
from parley.room_events import ApprovalEvent, FloorEvent, InterruptedEvent, ToolEvent
from testkit.fake_llm import (
    FakeLlm,
    Messages,
    ScriptedAnswer,
    ScriptedToolCall,
    by_text,
    tool_results,
)
from testkit.isolated_config import free_ports
from tests.agent.app_rooms import LONG_S, AppRooms, agent_words, end_of, hears, start_apps
from tests.agent.test_room import spoken

pytestmark = [pytest.mark.servers, pytest.mark.e2e]

EXAMPLES = sorted((paths.repository() / "examples").glob("0*.py"))
STORY = (
    "Once upon a time there was a miller who had three sons. When he died, he left them his mill, "
    "his donkey, and his cat. The eldest took the mill, the second took the donkey, and the "
    "youngest got nothing but the cat. He was very sad about it, and said that his brothers could "
    "make a living, while he would have to die of hunger."
)


@dataclass(frozen=True)
class Examples:
    rooms: AppRooms
    warehouse_port: int

    async def said(self, text: str) -> Recording:
        """The text as a person speaks it."""
        return Recording(text, await spoken(self.rooms.stack, text))

    @asynccontextmanager
    async def call(self, model: FakeLlm, app: str) -> AsyncGenerator[RoomClient]:
        """A caller who has heard the greeting out."""
        async with self.rooms.call(model, app=app) as client:
            assert await CallConversation(client).hear_greeting()
            yield client


@pytest.fixture(scope="module")
def examples(
    start_stack: Callable[..., Stack], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Examples]:
    (port,) = free_ports(1)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("APP_STOCK_URL", f"http://127.0.0.1:{port}")
        rooms = start_apps(
            start_stack,
            tmp_path_factory.mktemp("examples"),
            {file.stem: file for file in EXAMPLES},
        )
        yield Examples(rooms, port)


@dataclass
class Warehouse:
    """A slow service: answers when it is told to."""

    asked: list[str] = field(default_factory=list)
    answers: asyncio.Event = field(default_factory=asyncio.Event)

    async def stock(self, request: web.Request) -> web.Response:
        self.asked.append(request.query["part"])
        await self.answers.wait()
        return web.json_response({"count": 3, "where": "shelf four"})


@asynccontextmanager
async def serving(warehouse: Warehouse, port: int) -> AsyncGenerator[None]:
    app = web.Application()
    app.add_routes([web.get("/stock", warehouse.stock)])
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield
    finally:
        await runner.cleanup()


def instructions(model: FakeLlm) -> str:
    return str(model.messages[0]["content"])


def tools_told(client: RoomClient) -> list[tuple[str, str]]:
    return [
        (heard.event.name, heard.event.outcome)
        for heard in client.events
        if isinstance(heard.event, ToolEvent)
    ]


async def test_prompt(examples: Examples) -> None:
    model = FakeLlm(by_text({"open": ScriptedAnswer(text="We are open from nine to six.")}))
    async with examples.call(model, "01_prompt") as client:
        assert agent_words(client) == "Bicycle shop, hello! How can I help?"
        turn = await CallConversation(client).turn(await examples.said("When are you open?"))
    assert turn.reply is not None
    assert turn.report.agent_transcript == "We are open from nine to six."
    assert "closed on Sundays" in instructions(model)


async def test_tool_is_called_and_its_result_is_said_and_then_it_hangs_up(
    examples: Examples,
) -> None:
    def script(messages: Messages) -> ScriptedAnswer:
        if results := tool_results(messages):
            return ScriptedAnswer(text="Goodbye!" if "goodbye" in results[-1] else results[-1])
        if "bye" in str(messages[-1]["content"]).lower():
            return ScriptedAnswer(calls=[ScriptedToolCall("hang_up")])
        return ScriptedAnswer(calls=[ScriptedToolCall("order_status", {"number": "42"})])

    model = FakeLlm(script)
    async with examples.call(model, "02_tool") as client:
        turn = await CallConversation(client).turn(
            await examples.said("Where is my order, please?")
        )
        assert turn.report.agent_transcript == "Order 42: shipped this morning."
        assert tools_told(client) == [("order_status", "done")]
        (given,) = tool_results(model.messages)
        assert "shipped this morning" in given
        goodbye = await examples.said("Thank you very much, and goodbye!")
        await client.speak(goodbye.audio)
        await end_of(client)
        assert agent_words(client).endswith("Goodbye!")


async def test_slow_tool_is_bridged_by_its_sentence_which_is_not_remembered(
    examples: Examples,
) -> None:
    model = FakeLlm(
        by_text(
            {"saddle": ScriptedAnswer(calls=[ScriptedToolCall("in_stock", {"part": "saddle"})])}
        )
    )
    warehouse = Warehouse()
    async with (
        serving(warehouse, examples.warehouse_port),
        examples.call(model, "03_slow_tool") as client,
    ):
        question = await examples.said("Do you have a saddle for my bicycle?")
        asked_s = client.clock()
        await client.speak(question.audio)
        assert await hears(client, "Let me ask the warehouse.", since_s=asked_s)
        assert warehouse.asked == ["saddle"]
        assert "shelf four" not in agent_words(client)
        warehouse.answers.set()
        assert await hears(client, "3 of saddle, shelf four", since_s=asked_s)
        assert await client.reached(lambda: settled(client), timeout_s=LONG_S)
        await client.type("Thank you.")
        assert await hears(client, "Of course", since_s=asked_s)
    remembered = [str(m["content"]) for m in model.messages if m["role"] == "assistant"]
    assert any("shelf four" in text for text in remembered)
    assert not any("ask the warehouse" in text for text in remembered)


async def test_mcp_tool_of_a_real_server_is_called(examples: Examples) -> None:
    model = FakeLlm(
        by_text(
            {
                "monday": ScriptedAnswer(calls=[ScriptedToolCall("free_slots", {"day": "Monday"})]),
                "book": ScriptedAnswer(
                    calls=[ScriptedToolCall("book_slot", {"day": "Tuesday", "time": "two"})]
                ),
            }
        )
    )
    async with examples.call(model, "04_mcp") as client:
        turn = await CallConversation(client).turn(await examples.said("Is Monday free for you?"))
        assert "nine, eleven" in turn.report.agent_transcript
        assert tools_told(client) == [("free_slots", "done")]
        # A tool that needs somebody's approval asks for it in the room.
        booking = await examples.said("Then book it for Tuesday, please.")
        await client.speak(booking.audio)
        assert await client.reached(
            lambda: any(isinstance(e.event, ApprovalEvent) for e in client.events),
            timeout_s=LONG_S,
        )
    offered = {tool["function"]["name"] for tool in model.requests[0]["tools"]}
    assert offered == {"free_slots", "book_slot"}


async def test_hand_off_the_second_agent_speaks_in_the_same_reply(examples: Examples) -> None:
    def script(messages: Messages) -> ScriptedAnswer:
        if "You are the mechanic" not in str(messages[0]["content"]):
            return ScriptedAnswer(
                text="I hand you over.", calls=[ScriptedToolCall("hand_off_to_workshop")]
            )
        if results := tool_results(messages):
            return ScriptedAnswer(text=results[-1])
        if "friday" in str(messages[-1]["content"]).lower():
            return ScriptedAnswer(
                calls=[ScriptedToolCall("book_repair", {"day": "Friday", "what": "brake"})]
            )
        return ScriptedAnswer(text="Workshop here, what is broken?")

    model = FakeLlm(script)
    async with examples.call(model, "05_hand_off") as client:
        conversation = CallConversation(client)
        turn = await conversation.turn(await examples.said("The brake of my bicycle squeaks."))
        assert turn.report.agent_transcript == "I hand you over. Workshop here, what is broken?"
        assert instructions(model).startswith("You are the mechanic.")
        shown = [(m["role"], str(m["content"])) for m in model.messages[1:]]
        assert shown[1][0] == "user" and "bicycle" in shown[1][1]  # behind the greeting
        assert shown[2] == ("assistant", "I hand you over.")
        assert {tool["function"]["name"] for tool in model.requests[-1]["tools"]} == {"book_repair"}
        booked = await conversation.turn(await examples.said("Could you do it on Friday?"))
        assert "Booked for Friday: brake." in booked.report.agent_transcript


async def test_turn_policy_judges_what_is_said_over_the_story(examples: Examples) -> None:
    comment = await examples.said("A dragon!")
    stop = await examples.said("Wait, stop! That is enough.")
    assert WordPolicy().meaning(Overlap(comment.file, voiced_s=0.6)) is Meaning.TURN
    model = FakeLlm(by_text({"miller": ScriptedAnswer(text=STORY)}))

    def floors(since_s: float) -> list[str]:
        return [
            heard.event.floor
            for heard in client.events
            if heard.at_s >= since_s and isinstance(heard.event, FloorEvent)
        ]

    async with examples.call(model, "06_turn_policy") as client:
        wish = await examples.said("Tell me the one with the miller, please.")
        await client.speak(wish.audio)
        assert await hears(client, "three sons")
        commented_s = client.clock()
        await client.speak(comment.audio)
        assert await client.reached(
            lambda: "held" in floors(commented_s) and floors(commented_s)[-1] == "speaking",
            timeout_s=LONG_S,
        )
        assert "yielded" not in floors(commented_s)
        assert await hears(client, "the donkey")
        await client.speak(stop.audio)
        assert await client.reached(
            lambda: any(isinstance(e.event, InterruptedEvent) for e in client.events),
            timeout_s=LONG_S,
        )
        assert "hunger" not in agent_words(client)


async def test_engine_answers_without_a_model_and_hangs_up(examples: Examples) -> None:
    model = FakeLlm()
    async with examples.call(model, "07_engine") as client:
        conversation = CallConversation(client)
        turn = await conversation.turn(await examples.said("Seven, and eleven."))
        assert turn.report.agent_transcript == "That makes 18."
        # Its last word tells: where the pause before it ends the turn, the rest is a turn, too.
        goodbye = await examples.said("Thank you very much, and goodbye!")
        await client.speak(goodbye.audio)
        await end_of(client)
        assert agent_words(client).endswith("The sum is 18. Goodbye!")
    assert model.requests == []
