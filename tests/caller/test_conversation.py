"""The course of a call, with an agent that repeats what it hears."""

import pytest

from caller import conversation, measure
from caller.client import join
from caller.conversation import CallConversation, Recording
from caller.errors import CallError
from testkit.sounds import burst
from tests.caller.echo import echo_agent
from tests.caller.livekit import LiveKit
from tests.caller.rooms import STARVED_S, TRANSPORT_MS, access

pytestmark = pytest.mark.servers


async def test_response_time_is_from_the_last_sample_of_speech_to_the_first_of_the_reply(
    livekit: LiveKit,
) -> None:
    delay_s, speech_s, way = 1.5, 0.5, access(livekit)
    async with (
        echo_agent(livekit, way.room, delay_s=delay_s, understood="noise", answer="a noise"),
        join(way) as client,
    ):
        await client.wait_for_agent()
        turn = await CallConversation(client).turn(Recording("burst.wav", burst(speech_s)))
    assert turn.reply is not None and turn.report.response_ms is not None
    beyond_ms = turn.report.response_ms - 1000 * (delay_s - speech_s)
    assert 2 * TRANSPORT_MS[0] < beyond_ms < 2 * TRANSPORT_MS[1] + 1000 * STARVED_S
    assert speech_s - 0.06 < turn.report.reply_audio_s < speech_s + STARVED_S
    assert speech_s - 0.06 < turn.reply.audible_s <= turn.report.reply_audio_s + 0.02
    assert turn.report.user_transcript == "noise"
    assert turn.report.agent_transcript == "a noise"
    assert turn.report.stages.tts_first_audio_ms == 4


async def test_a_token_that_the_room_refuses_is_said(livekit: LiveKit) -> None:
    bad = access(livekit).model_copy(update={"token": "garbage"})
    with pytest.raises(CallError, match=f"LiveKit at {livekit.url} refused us: .*401"):
        async with join(bad):
            pytest.fail("the room let a bad token in")


async def test_the_greeting_is_heard_out(livekit: LiveKit) -> None:
    way, greeting_s = access(livekit), 1.2
    async with (
        echo_agent(livekit, way.room, delay_s=1.5, greeting_s=greeting_s) as agent,
        join(way) as client,
    ):
        joined_s = client.clock()
        assert await CallConversation(client).hear_greeting()
        heard = client.ear.between(joined_s, client.clock())
        assert client.agent_state == "listening"
        assert not agent.speech_heard.is_set()
    [greeting] = measure.sounds(heard.samples, heard.sample_rate_hz, measure.AUDIBLE_DBFS)
    # Its first moments can precede the subscription.
    length_s = (greeting.end - greeting.start) / heard.sample_rate_hz
    assert greeting_s - 0.5 < length_s < greeting_s + STARVED_S
    assert heard.duration_s - greeting.end / heard.sample_rate_hz >= conversation.SETTLED_S - 0.1


async def test_an_agent_without_a_greeting_is_spoken_to(
    livekit: LiveKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "GREETING_ONSET_S", 0.5)
    way = access(livekit)
    async with echo_agent(livekit, way.room, delay_s=1.0), join(way) as client:
        assert not await CallConversation(client).hear_greeting()


async def test_an_agent_that_talks_over_the_callers_end_answered_before_it(
    livekit: LiveKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "TALK_OVER_PATIENCE_S", 1.0)
    delay_s, speech_s, way = 0.3, 1.5, access(livekit)
    async with echo_agent(livekit, way.room, delay_s=delay_s), join(way) as client:
        await client.wait_for_agent()
        turn = await CallConversation(client).turn(Recording("burst.wav", burst(speech_s)))
    assert turn.reply is not None and turn.reply.talks_over
    assert turn.report.response_ms is not None
    beyond_ms = turn.report.response_ms - 1000 * (delay_s - speech_s)
    assert 2 * TRANSPORT_MS[0] < beyond_ms < 2 * TRANSPORT_MS[1] + 1000 * STARVED_S


async def test_turns_do_not_mix(livekit: LiveKit) -> None:
    """A turn has only its own transcripts, and begins when the reply before has ended."""
    way = access(livekit)
    async with (
        echo_agent(livekit, way.room, delay_s=1.0, understood="noise", answer="a noise"),
        join(way) as client,
    ):
        await client.wait_for_agent()
        talk = CallConversation(client)
        turns = [await talk.turn(Recording(f"{n}.wav", burst(0.3))) for n in range(2)]
    assert [turn.report.user_transcript for turn in turns] == ["noise", "noise"]
    assert [turn.report.agent_transcript for turn in turns] == ["a noise", "a noise"]
