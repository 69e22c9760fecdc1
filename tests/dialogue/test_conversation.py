"""A conversation keeps its log, whatever happens to the store, the process or the engine."""

import time
from collections.abc import AsyncGenerator

import pytest

from dialogue.conversation import Conversation
from dialogue.resources import Resources
from dialogue.sessions.store import SessionStoreError
from parley import Agent, ExampleExchange, hang_up
from parley.app.engine import Turn
from parley.app.events import Done, Error, Event, Filler, TextDelta
from parley.app.session import AgentSaid, Heard, PersonSaid, Resumed, Session
from parley.settings.orchestrator import DEFAULT_INSTRUCTIONS, LARGE_LLM, SMALL_LLM
from testkit.fake_llm import FakeLlm
from tests.dialogue.conversing import (
    INSTRUCTIONS,
    KeptInMemory,
    all_of,
    ask,
    conversing,
    error_codes,
    model_at,
    of,
    record,
    said,
)


async def test_another_process_goes_on_with_what_was_heard() -> None:
    store, llm = KeptInMemory(), FakeLlm()
    async with conversing(llm, Agent(), store=store) as conversation:
        greeting = conversation.say("Hi, I'm Parley.")
        await conversation.heard(greeting, "Hi,", interrupted=True)
        await ask(conversation, "Hello.")
    async with model_at(llm) as model:
        resources = Resources(model=model, instructions=INSTRUCTIONS)
        again = await Conversation.open(store, record(), Agent(), resources, resumed=True)
        assert isinstance(again.session.log.entries[-1], Resumed)
        await ask(again, "And?")
        await again.aclose()
    assert [m["content"] for m in llm.messages[1:]] == ["Hi,", "Hello.", "Of course.", "And?"]
    kept = store.sessions["s1"][1]
    assert [type(entry) for entry in kept] == [
        *(AgentSaid, Heard, PersonSaid, AgentSaid, Heard),
        *(Resumed, PersonSaid, AgentSaid, Heard),
    ]


async def test_a_new_session_is_not_said_to_have_been_resumed() -> None:
    async with model_at(FakeLlm()) as model:
        resources = Resources(model=model, instructions="")
        new = await Conversation.open(KeptInMemory(), record(), Agent(), resources, resumed=True)
        assert new.session.log.entries == []


async def test_a_store_that_fails_is_told_once_and_caught_up_with_later() -> None:
    store, told = KeptInMemory(fails=True), list[SessionStoreError]()
    async with model_at(FakeLlm()) as model:
        conversation = await Conversation.open(
            store,
            record(),
            Agent(),
            Resources(model=model, instructions=""),
            on_store_lost=told.append,
        )
        assert said(await ask(conversation, "Hello.")) == "Of course."
        assert said(await ask(conversation, "Again.")) == "Of course."
        await conversation.flush()
        assert len(told) == 1 and store.sessions == {}
        store.fails = False
        await conversation.aclose()
    texts = [entry.text for entry in of(store.sessions["s1"][1], PersonSaid)]
    assert texts == ["Hello.", "Again."]
    assert len(store.sessions["s1"][1]) == 6


async def test_partial_hearing_is_kept_and_the_engine_hears_of_the_last_only() -> None:
    heard: list[tuple[str, str, bool]] = []

    class Echo:
        """An engine of somebody's own."""

        def __init__(self, session: Session) -> None:
            self.session = session

        async def respond(self, turn: Turn) -> AsyncGenerator[Event]:
            yield TextDelta(f"You said: {turn.text}")
            await turn.committed()
            yield Done()

        async def heard(self, turn_id: str, text: str, *, interrupted: bool) -> None:
            heard.append((turn_id, text, interrupted))

    store = KeptInMemory()
    async with conversing(FakeLlm(), Agent(engine=Echo), store=store) as conversation:
        turn = conversation.turn("Hello.", waiting_since_s=time.monotonic())
        events = []
        async for event in turn.events():
            events.append(event)
            turn.commit()
        await conversation.heard(turn.id, "You", final=False)
        await conversation.heard(turn.id, "You said:", interrupted=True)
        assert events == [TextDelta("You said: Hello."), Done()]
    assert heard == [(turn.id, "You said:", True)]
    kept = [(entry.text, entry.final) for entry in of(store.sessions["s1"][1], Heard)]
    assert kept == [("You", False), ("You said:", True)]


async def test_an_engine_that_raises_is_apologized_for() -> None:
    class Broken:
        def __init__(self, session: Session) -> None:
            pass

        async def respond(self, turn: Turn) -> AsyncGenerator[Event]:
            yield TextDelta("Well")
            raise ValueError("no")

        async def heard(self, turn_id: str, text: str, *, interrupted: bool) -> None:
            pass

    async with conversing(FakeLlm(), Agent(engine=Broken)) as conversation:
        events = await ask(conversation, "Hello.")
        assert error_codes(events) == ["engine_failed"]
        assert [type(event) for event in events] == [TextDelta, Error, Filler, Done]
        assert of(conversation.session.log.entries, AgentSaid)[0].text == "Well"


async def test_an_engine_that_forgets_to_end_its_answer_has_it_ended() -> None:
    class Short:
        def __init__(self, session: Session) -> None:
            pass

        async def respond(self, turn: Turn) -> AsyncGenerator[Event]:
            yield TextDelta("Yes.")

        async def heard(self, turn_id: str, text: str, *, interrupted: bool) -> None:
            pass

    async with conversing(FakeLlm(), Agent(engine=Short)) as conversation:
        turn = conversation.turn("", waiting_since_s=time.monotonic())
        assert await all_of(turn) == [TextDelta("Yes."), Done()]
        assert of(conversation.session.log.entries, PersonSaid) == []


async def test_the_model_reads_the_beginning_before_it_is_asked() -> None:
    llm = FakeLlm()
    async with conversing(llm, Agent(instructions="Shop.", tools=[hang_up])) as conversation:
        await conversation.prepare("Hi!")
        greeting = conversation.say("Hi!")
        await conversation.heard(greeting, "Hi!")
        await ask(conversation, "Hello.")
    first, second = llm.requests
    assert first["max_tokens"] == 1
    assert first["messages"] == second["messages"]
    assert first["tools"] == second["tools"]


EXAMPLES = [ExampleExchange("Do you sell bells?", "We do, in brass.")]


@pytest.mark.parametrize(
    ("name", "is_shown"), [("a-model-elsewhere", True), (LARGE_LLM, True), (SMALL_LLM, False)]
)
async def test_examples_are_shown_as_turns_to_models_that_learn_from_them(
    name: str, is_shown: bool
) -> None:
    llm = FakeLlm()
    app = Agent(instructions="Shop.", examples=EXAMPLES, model=name)
    async with conversing(llm, app) as conversation:
        await conversation.prepare("Hi!")
        greeting = conversation.say("Hi!")
        await conversation.heard(greeting, "Hi!")
        await ask(conversation, "Hello.")
    example = [
        {"role": "user", "content": "Do you sell bells?"},
        {"role": "assistant", "content": "We do, in brass."},
    ]
    first, second = llm.requests
    assert first["messages"] == second["messages"]
    assert first["messages"][1 : 1 + 2 * is_shown] == (example if is_shown else [])
    assert len(first["messages"]) == 3 + 2 * is_shown


async def test_the_examples_of_the_settings_go_with_their_instructions_and_without_tools() -> None:
    async def shown(app: Agent, instructions: str) -> int:
        llm = FakeLlm()
        async with model_at(llm) as model:
            resources = Resources(model=model, instructions=instructions)
            conversation = await Conversation.open(KeptInMemory(), record(), app, resources)
            await ask(conversation, "Hello.")
            await conversation.aclose()
        return len(llm.requests[0]["messages"])

    assert await shown(Agent(), DEFAULT_INSTRUCTIONS) > 2
    assert await shown(Agent(), "You are a pirate.") == 2
    assert await shown(Agent(instructions="Shop."), DEFAULT_INSTRUCTIONS) == 2
    assert await shown(Agent(tools=[hang_up]), DEFAULT_INSTRUCTIONS) == 2


async def test_a_session_that_was_deleted_is_not_written_again() -> None:
    store, told = KeptInMemory(), list[SessionStoreError]()
    async with model_at(FakeLlm()) as model:
        resources = Resources(model=model, instructions="")
        conversation = await Conversation.open(
            store, record(), Agent(), resources, on_store_lost=told.append
        )
        await ask(conversation, "Hello.")
        await store.delete("s1")
        await ask(conversation, "Again.")
        await conversation.aclose()
    assert store.sessions == {} and len(told) == 1
