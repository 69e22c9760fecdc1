"""What a call asks its agent to be: applied as far as the settings of the agent allow it."""

import logging
import time

import pytest

from agent.dispatch import session_record, settings_of, wishes_of
from dialogue.model import build_client
from dialogue.opening import conversing
from dialogue.sessions.memory import MemoryStore
from parley import Agent
from parley.room_events import DispatchMetadata
from parley.settings.orchestrator import LlmSection, OrchestratorSettings
from parley.settings.visitors import MAX_INSTRUCTIONS_CHARS, CharacterSection, VisitorsSection
from testkit.fake_llm import FakeLlm, llm_serving

PIRATE = CharacterSection(instructions="You are a pirate.", greeting="Ahoy.")
QUIET = CharacterSection(instructions="You are shy.", greeting="")
PLAIN = CharacterSection(instructions="You are plain.")


def settings(*, may_instruct: bool = False) -> OrchestratorSettings:
    characters = {"pirate": PIRATE, "quiet": QUIET, "plain": PLAIN}
    visitors = VisitorsSection(characters=characters, may_instruct=may_instruct)
    return OrchestratorSettings(visitors=visitors)


def test_without_a_wish_the_settings_stand() -> None:
    known = settings()
    assert settings_of(known, DispatchMetadata()) is known


def test_a_character_has_its_instructions_and_its_greeting_or_the_usual_one() -> None:
    known = settings()
    usual = known.agent.greeting
    for name, greeting in (("pirate", "Ahoy."), ("quiet", ""), ("plain", usual)):
        agent = settings_of(known, DispatchMetadata(character=name)).agent
        assert agent.instructions == known.visitors.characters[name].instructions
        assert agent.greeting == greeting
    assert known.agent.greeting == usual


def test_written_instructions_count_where_the_agents_own_settings_allow_them(
    caplog: pytest.LogCaptureFixture,
) -> None:
    wishes = DispatchMetadata(character="pirate", instructions="You are a parrot." + "!" * 9000)
    allowed = settings_of(settings(may_instruct=True), wishes).agent
    assert allowed.instructions.startswith("You are a parrot.")
    assert len(allowed.instructions) == MAX_INSTRUCTIONS_CHARS
    assert allowed.greeting == "Ahoy."
    with caplog.at_level(logging.WARNING):
        refused = settings_of(settings(), wishes).agent
    assert refused.instructions == PIRATE.instructions
    assert "may not write instructions" in caplog.text


def test_a_character_that_is_not_there_changes_nothing() -> None:
    known = settings()
    assert settings_of(known, DispatchMetadata(character="nobody")) is known


def test_what_the_gateway_wrote_is_read() -> None:
    written = DispatchMetadata(character="pirate", instructions="Be kind.").model_dump_json()
    wishes = wishes_of(written)
    assert (wishes.character, wishes.instructions) == ("pirate", "Be kind.")


@pytest.mark.parametrize(
    ("app", "told"),
    [
        (Agent(), "You are a pirate."),
        (Agent(instructions="You sell bicycles."), "You sell bicycles."),
    ],
)
async def test_the_model_is_told_them_unless_the_agent_declares_its_own(
    app: Agent, told: str
) -> None:
    model = FakeLlm()
    wishes = DispatchMetadata(character="pirate")
    async with llm_serving(model) as url:
        llm = LlmSection(base_url=url, model="fake")
        known = settings_of(settings().model_copy(update={"llm": llm}), wishes)
        async with (
            build_client(known) as client,
            conversing(
                app, session_record(known, wishes, app), known, client=client, store=MemoryStore()
            ) as conversation,
        ):
            turn = conversation.turn("Hello.", waiting_since_s=time.monotonic())
            turn.commit()
            assert [event async for event in turn.events()]
    assert model.messages[0] == {"role": "system", "content": told}
