"""The floor has one owner: what the framework asks of the playout changes nothing about it.

A real AgentSession and a real Playout into a native source, in real time.
"""

import asyncio

import pytest

from agent.turns.floor import Decision
from testkit.fake_llm import FakeLlm, ScriptedAnswer, in_turn
from tests.agent.test_heard_history import LONG, Talk, talk_with

pytestmark = pytest.mark.realtime


def slow_model(first_after_s: float = 0.6) -> FakeLlm:
    return FakeLlm(
        in_turn(ScriptedAnswer(text=LONG, first_after_s=first_after_s), ScriptedAnswer(text=LONG))
    )


async def until_a_reply_is_there(talk: Talk) -> None:
    """The first frames of the reply have reached the playout: no event tells of it."""
    while talk.playout.made_s < 0.5:  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def test_a_reply_that_is_held_back_while_it_is_thought_of_does_not_sound() -> None:
    """The framework resumes the output whenever it begins to forward a reply."""
    async with talk_with(slow_model()) as talk:
        reply = talk.session.generate_reply(user_input="Tell me.", input_modality="text")
        talk.playout.hold("floor")
        await until_a_reply_is_there(talk)
        assert talk.playout.played_s == 0.0
        assert not talk.playout.audible
        talk.playout.release("floor")
        await talk.until_played(0.5)
        reply.interrupt(force=True)
        await reply


async def test_the_framework_can_neither_pause_nor_resume() -> None:
    async with talk_with(FakeLlm(in_turn(ScriptedAnswer(text=LONG)))) as talk:
        reply = talk.session.generate_reply(user_input="Tell me.", input_modality="text")
        await talk.until_played(0.3)
        talk.playout.pause()
        await talk.until_played(0.8)
        talk.playout.hold("floor")
        held_at_s = talk.playout.played_s
        talk.playout.resume()
        assert not talk.playout.audible
        talk.playout.release("floor")
        await talk.until_played(held_at_s + 0.3)
        reply.interrupt(force=True)
        await reply


async def test_a_hold_is_released_by_who_took_it() -> None:
    async with talk_with(FakeLlm(in_turn(ScriptedAnswer(text=LONG)))) as talk:
        reply = talk.session.generate_reply(user_input="Tell me.", input_modality="text")
        await talk.until_played(0.3)
        talk.playout.hold("floor")
        talk.playout.hold("network")
        talk.playout.release("floor")
        assert not talk.playout.audible
        talk.playout.release("somebody else")
        assert not talk.playout.audible
        talk.playout.release("network")
        await talk.until_played(0.6)
        reply.interrupt(force=True)
        await reply


async def test_after_a_cut_in_thinking_the_next_reply_is_heard() -> None:
    """The reply is given up before anything of it has sounded, while it is held back."""
    async with talk_with(slow_model(5.0)) as talk:
        first = talk.session.generate_reply(user_input="Tell me.", input_modality="text")
        await talk.model.received.wait()
        talk.barge_in.agent_thinks()
        talk.barge_in._act(talk.barge_in.turns._decide(Decision.HOLD))
        talk.barge_in._act(talk.barge_in.turns._decide(Decision.YIELD))
        first.interrupt(force=True)
        await first
        second = talk.session.generate_reply(user_input="And now?", input_modality="text")
        await talk.until_played(0.5)
        second.interrupt(force=True)
        await second
