"""An agent that is grounded, as calls and `./run chat` open it: by what the settings know of."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import yaml

from dialogue.conversation import Conversation
from dialogue.model import build_client
from dialogue.opening import conversing
from dialogue.sessions.memory import MemoryStore
from dialogue.sessions.store import SessionRecord
from dialogue.text_front import TextFront
from parley import Agent, tool
from parley.app.events import Event, Grounded, TextDelta
from parley.settings.intents import IntentsSection
from parley.settings.orchestrator import OrchestratorSettings
from parley.settings.retrieval import RetrievalSection
from testkit.fake_llm import FakeLlm, llm_serving
from tests.dialogue.conversing import settings as model_settings

INTENTS = {
    "intents": {
        "opening_hours": {
            "examples": ["when do you open", "what are your opening hours", "are you open today"],
            "instructions": "Name the day of the week.",
            "tools": ["calendar"],
        },
        "goodbye": {
            "examples": ["goodbye", "bye bye", "see you later"],
            "answer": "See you soon.",
        },
    }
}


@tool
async def calendar() -> str:
    """The days on which the shop is open."""
    return "Monday"


@tool
async def stock() -> str:
    """What there is."""
    return "tea"


AGENT = Agent(instructions="You are a shop.", tools=[calendar, stock], greeting="", grounded=True)


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PARLEY_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("PARLEY_STATE_DIR", str(tmp_path / "state"))
    (tmp_path / "intents.yaml").write_text(yaml.safe_dump(INTENTS))
    (tmp_path / "documents").mkdir()
    hours = "# Hours\n\nThe shop opens at ten in the morning on Sunday.\n"
    (tmp_path / "documents" / "hours.md").write_text(hours)
    return tmp_path


def settings(url: str) -> OrchestratorSettings:
    slow = 30_000  # the machine may be busy; what is late has tests of its own
    return model_settings(url).model_copy(
        update={
            "intents": IntentsSection(embeddings=False, timeout_ms=slow),
            "retrieval": RetrievalSection(folder="documents", embeddings=False, timeout_ms=slow),
        }
    )


@asynccontextmanager
async def talking(llm: FakeLlm, app: Agent) -> AsyncIterator[Conversation]:
    async with llm_serving(llm) as url:
        client = build_client(settings(url))
        record = SessionRecord(id="s", channel="voice", began_at_s=time.time())
        try:
            async with conversing(
                app, record, settings(url), client=client, store=MemoryStore()
            ) as conversation:
                yield conversation
        finally:
            await client.close()


async def answered(conversation: Conversation, text: str) -> list[Event]:
    return [event async for event in TextFront(conversation).answer(text)]


async def test_the_model_is_told_what_was_found_out(known: Path) -> None:
    llm = FakeLlm()
    async with talking(llm, AGENT) as conversation:
        await conversation.hears("what are your opening hours on Sunday")
        events = await answered(conversation, "what are your opening hours on Sunday")
    grounded = next(event for event in events if isinstance(event, Grounded))
    assert grounded.intent == "opening_hours"
    assert any("hours.md" in source for source in grounded.sources)
    assert grounded.left_out == {}
    request = llm.requests[-1]
    notes, said = request["messages"][-2:]
    assert notes["role"] == "system"
    assert "Name the day of the week." in notes["content"]
    assert "opens at ten in the morning" in notes["content"]
    assert said["content"] == "what are your opening hours on Sunday"
    assert [each["function"]["name"] for each in request["tools"]] == ["calendar"]


async def test_a_fixed_answer_asks_no_model(known: Path) -> None:
    llm = FakeLlm()
    async with talking(llm, AGENT) as conversation:
        events = await answered(conversation, "goodbye")
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["See you soon."]
    assert llm.requests == []


async def test_other_agents_go_by_nothing(known: Path) -> None:
    llm = FakeLlm()
    plain = Agent(instructions="You are a shop.", greeting="")
    async with talking(llm, plain) as conversation:
        events = await answered(conversation, "goodbye")
    assert not [event for event in events if isinstance(event, Grounded)]
    assert [m["role"] for m in llm.messages] == ["system", "user"]
