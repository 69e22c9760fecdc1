"""Every example answers by text, with a model on a socket that is told what to say."""

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import pytest
from aiohttp import web
from pydantic import SecretStr

from dialogue.approvals.approval import ApprovalDecision
from dialogue.approvals.memory import MemoryApprovals
from dialogue.model import build_client
from dialogue.opening import conversing
from dialogue.sessions.memory import MemoryStore
from dialogue.sessions.store import SessionRecord
from dialogue.text_front import TextFront
from parley import Agent, Meaning, Overlap, paths
from parley.app.events import (
    ApprovalPending,
    Event,
    Filler,
    Handoff,
    HangUp,
    TextDelta,
    ToolFinished,
)
from parley.app.loading import load_app
from parley.settings.orchestrator import LlmSection, OrchestratorSettings
from testkit.commands import Commands
from testkit.fake_llm import (
    FakeLlm,
    Messages,
    ScriptedAnswer,
    ScriptedToolCall,
    by_text,
    llm_serving,
)

EXAMPLES = paths.repository() / "examples"
LONGEST = 40
Kind = TypeVar("Kind")


@pytest.fixture
def llm() -> FakeLlm:
    return FakeLlm()


def example(name: str) -> Agent:
    return load_app(str(EXAMPLES / name))


@asynccontextmanager
async def talking(
    app: Agent, llm: FakeLlm, *, approvals: MemoryApprovals | None = None
) -> AsyncGenerator[TextFront]:
    async with llm_serving(llm) as url:
        section = LlmSection(base_url=url, api_key=SecretStr("k"), model="fake")
        settings = OrchestratorSettings(llm=section)
        client = build_client(settings)
        record = SessionRecord(id=uuid.uuid4().hex, channel="text", began_at_s=time.time())
        try:
            async with conversing(
                app,
                record,
                settings,
                client=client,
                store=MemoryStore(),
                approvals=approvals,
                servers_within_s=20,
            ) as conversation:
                yield TextFront(conversation)
        finally:
            await client.close()


async def ask(front: TextFront, text: str) -> list[Event]:
    return [event async for event in front.answer(text)]


def said(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def of(events: list[Event], kind: type[Kind]) -> list[Kind]:
    return [event for event in events if isinstance(event, kind)]


def test_no_example_is_longer_than_a_screen() -> None:
    lengths = {file.name: len(file.read_text().splitlines()) for file in EXAMPLES.glob("*.py")}
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}
    listed = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert [name for name in lengths if f"({name})" not in listed] == []


async def test_prompt(llm: FakeLlm) -> None:
    async with talking(example("01_prompt.py"), llm) as front:
        assert "Bicycle shop" in await front.greet()
        assert said(await ask(front, "Hello!")) == "Of course."
    assert "desk of a bicycle shop" in str(llm.messages[0]["content"])


async def test_tool(llm: FakeLlm) -> None:
    llm.script = by_text(
        {
            "where": ScriptedAnswer(calls=[ScriptedToolCall("order_status", {"number": "42"})]),
            "order 7": ScriptedAnswer(calls=[ScriptedToolCall("order_status", {"number": "7"})]),
            "cancel": ScriptedAnswer(calls=[ScriptedToolCall("cancel_order", {"number": "43"})]),
            "bye": ScriptedAnswer(calls=[ScriptedToolCall("hang_up")]),
        }
    )
    async with talking(example("02_tool.py"), llm) as front:
        assert "shipped this morning" in said(await ask(front, "Where is my order?"))
        assert "there is no order 7" in said(await ask(front, "And order 7?"))
        assert "is cancelled" in said(await ask(front, "Cancel 43."))
        assert of(await ask(front, "Bye!"), HangUp)


class Warehouse:
    """A slow service; answers once it is told to."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.answers = asyncio.Event()
        self.disconnected = asyncio.Event()

    async def stock(self, request: web.Request) -> web.Response:
        self.asked.set()
        try:
            await self.answers.wait()
        except asyncio.CancelledError:
            self.disconnected.set()
            raise
        return web.json_response({"count": 3, "where": "shelf four"})


@pytest.fixture
async def warehouse(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Warehouse]:
    warehouse, app = Warehouse(), web.Application()
    app.add_routes([web.get("/stock", warehouse.stock)])
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    monkeypatch.setenv("APP_STOCK_URL", f"http://127.0.0.1:{runner.addresses[0][1]}")
    yield warehouse
    await runner.cleanup()


async def test_slow_tool(llm: FakeLlm, warehouse: Warehouse) -> None:
    llm.script = by_text(
        {"saddle": ScriptedAnswer(calls=[ScriptedToolCall("in_stock", {"part": "saddle"})])}
    )
    async with talking(example("03_slow_tool.py"), llm) as front:
        events: list[Event] = []
        async for event in front.answer("Have you a saddle?"):
            events.append(event)
            if isinstance(event, Filler):
                warehouse.answers.set()
    assert [filler.text for filler in of(events, Filler)] == ["Let me ask the warehouse."]
    assert "3 of saddle, shelf four" in said(events)


async def test_slow_tool_that_is_interrupted_hangs_up(llm: FakeLlm, warehouse: Warehouse) -> None:
    llm.script = by_text(
        {"saddle": ScriptedAnswer(calls=[ScriptedToolCall("in_stock", {"part": "saddle"})])}
    )
    async with talking(example("03_slow_tool.py"), llm) as front:
        asking = asyncio.create_task(ask(front, "Have you a saddle?"))
        await warehouse.asked.wait()
        asking.cancel()
        async with asyncio.timeout(5):
            await warehouse.disconnected.wait()
        await asyncio.gather(asking, return_exceptions=True)
        assert said(await ask(front, "Never mind.")) == "Of course."


async def test_mcp(llm: FakeLlm) -> None:
    llm.script = by_text(
        {
            "monday": ScriptedAnswer(calls=[ScriptedToolCall("free_slots", {"day": "Monday"})]),
            "book": ScriptedAnswer(
                calls=[ScriptedToolCall("book_slot", {"day": "Tuesday", "time": "two"})]
            ),
        }
    )
    approvals = MemoryApprovals()
    async with talking(example("04_mcp.py"), llm, approvals=approvals) as front:
        assert "nine, eleven" in said(await ask(front, "Is Monday free?"))
        (pending,) = of(await ask(front, "Book Tuesday at two."), ApprovalPending)
        yes = ApprovalDecision(approved=True, approver_id="test")
        await approvals.decide(pending.approval_id, yes)
        arrived = asyncio.Event()
        front.conversation.tell_news(arrived.set)
        await arrived.wait()
        (news,) = front.conversation.news
        assert "Tuesday at two is booked." in news.note


async def test_hand_off(llm: FakeLlm) -> None:
    def script(messages: Messages) -> ScriptedAnswer:
        if "You are the mechanic" not in str(messages[0]["content"]):
            return ScriptedAnswer(calls=[ScriptedToolCall("hand_off_to_workshop")])
        if "Monday" in str(messages[-1]["content"]):
            return ScriptedAnswer(
                calls=[ScriptedToolCall("book_repair", {"day": "Monday", "what": "brake"})]
            )
        return ScriptedAnswer(text="Workshop here, what is broken?")

    llm.script = script
    app = example("05_hand_off.py")
    async with talking(app, llm) as front:
        events = await ask(front, "My brake squeaks.")
        assert [handed.agent for handed in of(events, Handoff)] == ["workshop"]
        assert said(events) == "Workshop here, what is broken?"
        (booked,) = of(await ask(front, "The brake, on Monday."), ToolFinished)[:1]
        assert "Booked for Monday: brake." in booked.result
    assert (app.max_call_s, app.silence is not None) == (600, True)


async def test_turn_policy(llm: FakeLlm) -> None:
    app = example("06_turn_policy.py")
    assert app.turn_policy is not None
    meanings = {
        text: app.turn_policy.meaning(Overlap(text=text, voiced_s=0.4))
        for text in ("", "a dragon", "Wait, who?")
    }
    assert list(meanings.values()) == [Meaning.NOTHING, Meaning.BACKCHANNEL, Meaning.TURN]
    async with talking(app, llm) as front:
        assert said(await ask(front, "The one with the dragon.")) == "Of course."


async def test_engine(llm: FakeLlm) -> None:
    async with talking(example("07_engine.py"), llm) as front:
        assert said(await ask(front, "12 and 30")) == "That makes 42."
        assert said(await ask(front, "hm")) == "Tell me a number, or say goodbye."
        events = await ask(front, "Bye")
        assert said(events) == "The sum is 42. Goodbye!"
        assert of(events, HangUp)
    assert llm.requests == []


async def test_eval_file(llm: FakeLlm, tmp_path: Path) -> None:
    def script(messages: Messages) -> ScriptedAnswer:
        if messages[-1]["role"] == "tool":
            result = str(messages[-1]["content"])
            return ScriptedAnswer(text="Goodbye!" if "goodbye" in result else result)
        said = str(messages[-1]["content"])
        if "goodbye" in said:
            return ScriptedAnswer(calls=[ScriptedToolCall("hang_up")])
        return ScriptedAnswer(calls=[ScriptedToolCall("order_status", {"number": "42"})])

    llm.script = script
    async with llm_serving(llm) as url:
        done = await Commands(folder=tmp_path, llm_url=url)(
            "eval", str(EXAMPLES / "eval.yaml"), within_s=100
        )
    assert done.status == 0, done.out + done.err
    assert "5 passed, 0 failed, 1 skipped" in done.out
