"""The agent in a real room: real server, workers, models; a caller that hears and types."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx
import numpy as np
import pytest
from livekit import api, rtc

from caller.access import request_access
from caller.client import RoomClient, join
from caller.conversation import CallConversation, Recording
from ops.supervisor.stack import Stack
from parley.audio import Audio
from parley.discovery import StaticDiscovery
from parley.room_events import SET_VOICE_METHOD, TurnEvent
from parley.speech import AudioChunk, SpeechPool, SynthesisRequest

pytestmark = [pytest.mark.servers, pytest.mark.e2e]

ANSWER_S = 60.0


def url_of(stack: Stack, port: int, path: str = "") -> str:
    return f"http://127.0.0.1:{port}{path}"


@asynccontextmanager
async def call(stack: Stack, *, voice: str = "") -> AsyncGenerator[RoomClient]:
    gateway = url_of(stack, stack.configuration.orchestrator.server.port)
    async with join(await request_access(gateway, voice=voice)) as client:
        assert await CallConversation(client).hear_greeting()
        yield client


async def spoken(stack: Stack, text: str) -> Audio:
    """The text in the worker's own voice, as a recording."""
    settings = stack.configuration.orchestrator.tts
    request = SynthesisRequest(voice=settings.default_model, sample_rate_hz=16000)

    async def texts() -> AsyncGenerator[str]:
        yield text

    pcm = b""
    async with SpeechPool(StaticDiscovery(settings.worker_address)) as pool:
        async for event in pool.synthesize(request, texts()):
            if isinstance(event, AudioChunk):
                pcm += event.samples.tobytes()
    return Audio(np.frombuffer(pcm, np.int16), 16000)


async def metric(stack: Stack, name: str) -> float:
    port = stack.configuration.orchestrator.server.health_check_port
    async with httpx.AsyncClient() as http:
        text = (await http.get(url_of(stack, port, "/metrics"))).text
    values = [line.rpartition(" ")[2] for line in text.splitlines() if line.startswith(name)]
    return sum(map(float, values))


async def test_the_greeting_is_heard_and_read(stack: Stack) -> None:
    async with call(stack) as client:
        said = client.transcripts.said_by(client.agent_identity, since_s=0)
    assert said == stack.configuration.orchestrator.agent.greeting


async def test_typed_text_is_answered_aloud(stack: Stack) -> None:
    async with call(stack) as client:
        asked_s = client.clock()
        await client._room.local_participant.send_text("What is two plus two?", topic="lk.chat")
        answered = await client.reached(
            lambda: any(isinstance(e.event, TurnEvent) for e in client.events), timeout_s=ANSWER_S
        )
        assert answered
        heard = await client.reached(
            lambda: not client.ear.quiet_since(asked_s), timeout_s=ANSWER_S
        )
        assert heard
        read = await client.reached(
            lambda: client.transcripts.complete(client.agent_identity, since_s=asked_s),
            timeout_s=ANSWER_S,
        )
        assert read


async def test_speech_is_answered_and_its_stages_told(stack: Stack) -> None:
    question = await spoken(stack, "What is the capital of France?")
    before = await metric(stack, 'turn_latency_seconds_count{stage="total"}')
    async with call(stack) as client:
        turn = await CallConversation(client).turn(Recording("question", question))
        told = [heard.event for heard in client.events if isinstance(heard.event, TurnEvent)]
    assert None not in told[0].moments.model_dump().values()
    assert turn.reply is not None
    assert turn.report.agent_transcript
    assert "france" in turn.report.user_transcript.casefold()
    stages = turn.report.stages
    assert None not in (
        stages.endpointing_ms,
        stages.asr_ms,
        stages.llm_first_token_ms,
        stages.tts_first_audio_ms,
        stages.total_ms,
    )
    assert await metric(stack, 'turn_latency_seconds_count{stage="total"}') == before + 1


async def test_an_unknown_voice_is_refused_with_those_there_are(stack: Stack) -> None:
    known = stack.configuration.orchestrator.tts.default_model
    async with call(stack) as client:
        participant = client._room.local_participant
        with pytest.raises(rtc.RpcError, match=known):
            await participant.perform_rpc(
                destination_identity=client.agent_identity,
                method=SET_VOICE_METHOD,
                payload="no-such-voice",
            )
        answer = await participant.perform_rpc(
            destination_identity=client.agent_identity, method=SET_VOICE_METHOD, payload=known
        )
        assert answer == known


async def test_somebody_else_in_the_room_changes_no_voice(stack: Stack) -> None:
    keys, settings = stack.keys, stack.configuration.orchestrator
    async with call(stack) as client:
        grants = api.VideoGrants(room_join=True, room=client._room.name)
        token = api.AccessToken(keys.api_key, keys.api_secret).with_identity("somebody else")
        other = rtc.Room()
        await other.connect(settings.livekit.url, token.with_grants(grants).to_jwt())
        try:
            with pytest.raises(rtc.RpcError, match="only whom the agent talks with"):
                await other.local_participant.perform_rpc(
                    destination_identity=client.agent_identity,
                    method=SET_VOICE_METHOD,
                    payload=settings.tts.default_model,
                )
        finally:
            await other.disconnect()


async def test_a_call_that_ended_is_no_longer_active(stack: Stack) -> None:
    async with call(stack):
        assert await metric(stack, "sessions_active") >= 1
    gone_by = time.monotonic() + 30
    while await metric(stack, "sessions_active") > 0:
        assert time.monotonic() < gone_by
        await asyncio.sleep(0.5)
    assert await metric(stack, "session_duration_seconds_count") >= 1
