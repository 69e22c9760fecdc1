"""An answer that is asked for while the model still reads what the person said."""

import asyncio
import time
from typing import cast

import pytest
from livekit import rtc
from livekit.agents import FlushSentinel
from livekit.agents.voice import SpeechHandle
from pydantic import SecretStr

import agent.answering as answering_module
from agent.room.events import RoomEventPublisher
from agent.turns.report import Reply
from parley.settings.orchestrator import LlmSection, OrchestratorSettings
from testkit.fake_llm import FakeLlm, ScriptedAnswer, in_turn, llm_serving
from tests.agent.answering import answering_with
from tests.agent.test_session import Room

NOTHING_COMES_S = 0.2
"""As long as it would take to ask beside it."""


class Quiet:
    """Nobody who speaks."""

    last_spoke_s = 0.0
    is_contested = False


async def test_it_waits_until_that_has_been_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering_module, "READ_OUT_S", 60.0)  # however busy the machine is
    model, held = FakeLlm(), asyncio.Event()
    model.script = in_turn(ScriptedAnswer(text="Read.", once=held), ScriptedAnswer(text="Three."))
    async with llm_serving(model) as url:
        settings = OrchestratorSettings(
            llm=LlmSection(base_url=url, api_key=SecretStr("k"), model="wire")
        )
        events = RoomEventPublisher(cast(rtc.Room, Room()))
        async with answering_with(settings, Quiet(), events) as (answering, _):
            answering.reads_ahead = lambda: True
            answering.hears("How many are")
            await model.received.wait()
            pieces = answering.answer(reply(), "How many are there?")
            asked = asyncio.ensure_future(anext(pieces))
            first: asyncio.Future[str | FlushSentinel] = asyncio.shield(asked)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(NOTHING_COMES_S):
                    await first
            assert len(model.requests) == 1, "beside it, it would not be in the same slot"
            held.set()
            assert await asked == "Three."
            await pieces.aclose()
        await events.aclose()
    assert [each["max_tokens"] for each in model.requests][:1] == [1]
    assert not model.disconnected.is_set(), "what was being read was read to its end"


def reply() -> Reply:
    return Reply(
        handle=SpeechHandle.create(),
        answers_person=True,
        created_at=time.time(),
        transcript_at=None,
    )
