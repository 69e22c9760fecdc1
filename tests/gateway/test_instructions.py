"""Who a call's agent is to be: no wish of a caller goes further than the operator allows."""

import json
from typing import Any

import pytest

from parley.settings.orchestrator import OrchestratorSettings
from parley.settings.visitors import MAX_INSTRUCTIONS_CHARS, CharacterSection, VisitorsSection
from tests.gateway.conftest import Serve, settings_with
from tests.gateway.test_standard_tokens import told

WORDS = "You are a pirate.\nAnswer in one sentence."
PIRATE = CharacterSection(instructions="You are a pirate.", voice="amy")


def allowing(**visitors: Any) -> OrchestratorSettings:
    section = VisitorsSection.model_validate(visitors)
    return settings_with().model_copy(update={"visitors": section})


async def test_by_default_nobody_writes_instructions(serve: Serve) -> None:
    async with serve(settings_with()) as client:
        refused = await client.post("/api/token", json={"instructions": WORDS})
        blank = await client.post("/api/token", json={"instructions": " \n"})
    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "instructions_not_allowed"
    assert blank.status_code == 201
    assert told(blank).instructions == ""


SMUGGLED = json.dumps({"instructions": WORDS, "character": "pirate", "app": "shop"})


@pytest.mark.parametrize(
    "request_",
    [
        {"room_config": {"agents": [{"metadata": SMUGGLED}]}},
        {"room_config": {"agents": [{"instructions": WORDS}]}},
        {"participant_metadata": SMUGGLED},
        {"participant_attributes": {"instructions": WORDS}},
        {"participant_name": WORDS.replace("\n", " ")},
        {"metadata": {"instructions": WORDS}},
    ],
)
async def test_no_other_field_becomes_an_instruction(
    serve: Serve, request_: dict[str, Any]
) -> None:
    async with serve(settings_with()) as client:
        answer = await client.post("/api/token", json=request_)
    assert answer.status_code == 201
    agent = told(answer)
    assert (agent.instructions, agent.character, agent.app) == ("", "", "")


async def test_where_the_operator_allows_it_they_reach_the_agent(serve: Serve) -> None:
    async with serve(allowing(may_instruct=True)) as client:
        answer = await client.post("/api/token", json={"instructions": f"  {WORDS} "})
    assert told(answer).instructions == WORDS


@pytest.mark.parametrize("text", ["x" * (MAX_INSTRUCTIONS_CHARS + 1), "a\x00b", "a\x1b[2J", 7])
async def test_what_is_too_long_or_no_text_is_refused(serve: Serve, text: object) -> None:
    async with serve(allowing(may_instruct=True)) as client:
        answer = await client.post("/api/token", json={"instructions": text})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_request")


async def test_the_longest_instructions_fit_into_a_request(serve: Serve) -> None:
    async with serve(allowing(may_instruct=True)) as client:
        answer = await client.post(
            "/api/token", json={"instructions": "ы" * MAX_INSTRUCTIONS_CHARS}
        )
    assert len(told(answer).instructions) == MAX_INSTRUCTIONS_CHARS


async def test_a_character_is_one_of_the_operators(serve: Serve) -> None:
    settings = allowing(characters={"pirate": PIRATE})
    async with serve(settings) as client:
        chosen = await client.post("/api/token", json={"character": "pirate"})
        unknown = await client.post("/api/token", json={"character": "tutor"})
    agent = told(chosen)
    assert (agent.character, agent.voice) == ("pirate", "amy")
    assert agent.instructions == ""  # the agent knows them
    assert unknown.status_code == 422
    assert unknown.json()["error"] == {
        "code": "unknown_character",
        "message": "there is no character 'tutor'; there are: pirate",
    }
