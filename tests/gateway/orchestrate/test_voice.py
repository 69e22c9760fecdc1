"""audio=1: the answer as PCM with the times of its words, from speech workers or ElevenLabs."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import uvicorn
from aiohttp import web
from pydantic import SecretStr

from gateway import connections
from gateway.orchestrate.app import create_orchestrator
from gateway.orchestrate.serving import serving as served
from parley.settings.approvals import ApprovalsSection
from parley.settings.checkpoints import CheckpointsSection
from parley.settings.experiments import ExperimentsSection
from parley.settings.intents import IntentsSection
from parley.settings.orchestration import OrchestrationSection
from parley.settings.orchestrator import (
    LlmSection,
    OrchestratorSettings,
    SessionsSection,
    TtsSection,
)
from parley.settings.security import SecuritySection
from testkit.fake_llm import FakeLlm, ScriptedAnswer, in_turn, llm_serving
from testkit.fake_workers import SpeechWorker, serving
from testkit.orchestrators import connected
from tests.gateway.orchestrate.conftest import new_session

RATE_HZ = 24000
WORD_BYTES = 2 * RATE_HZ // 10


@asynccontextmanager
async def orchestrating(
    llm: FakeLlm,
    folder: str,
    *,
    app: str = "",
    buffer_size: int = 200,
    worker: str = "",
    elevenlabs: str = "",
) -> AsyncIterator[str]:
    """The application on a real port, in this process; yields its URL."""
    async with llm_serving(llm) as llm_url:
        provider = {"tts_provider": "elevenlabs"} if elevenlabs else {}
        agent = {"app": app} if app else {}
        voice = {"tts_base_url": elevenlabs, "tts_voice_id": "Ada"} if elevenlabs else {}
        settings = OrchestratorSettings(
            llm=LlmSection(base_url=llm_url, api_key=SecretStr("k"), model="fake"),
            tts=TtsSection(worker_address=worker or "127.0.0.1:1", default_model="tone"),
            orchestration=OrchestrationSection.model_validate(
                {"buffer_size": buffer_size, "tts_timeout_ms": 5000, **agent, **provider, **voice}
            ),
            sessions=SessionsSection(store="memory"),
            approvals=ApprovalsSection(enabled=False),
            checkpoints=CheckpointsSection(enabled=False),
            experiments=ExperimentsSection(enabled=False),
            intents=IntentsSection(file=""),
            security=SecuritySection(
                url=SecretStr(f"sqlite:///{folder}/keys.db"), secret=SecretStr("s" * 32)
            ),
        )
        server = uvicorn.Server(served(create_orchestrator(settings), settings))
        server.config.host, server.config.port = "127.0.0.1", 0
        serving_task = asyncio.create_task(server.serve())
        try:
            async with asyncio.timeout(60):
                while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
                    await asyncio.sleep(0.01)
            port = server.servers[0].sockets[0].getsockname()[1]
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            await serving_task


async def test_the_answer_is_heard_with_the_times_of_its_words(tmp_path: object) -> None:
    llm = FakeLlm()
    llm.always("Hello there, my friend.")
    async with AsyncExitStack() as opened:
        worker = await opened.enter_async_context(serving(SpeechWorker()))
        url = await opened.enter_async_context(orchestrating(llm, str(tmp_path), worker=worker))
        client = await opened.enter_async_context(connected(url, new_session(), audio=1, states=1))
        await client.say("hello")
        began = await client.until("audio_begin")
        assert began["sample_rate_hz"] == RATE_HZ
        assert began["format"] == "pcm_s16le"
        ended = await client.until("audio_end")
        words = [w for f in client.frames if f["type"] == "words" for w in f["words"]]
        assert [word["word"] for word in words] == ["Hello", "there,", "my", "friend."]
        assert [(word["start_ms"], word["end_ms"]) for word in words] == [
            (0, 100),
            (100, 200),
            (200, 300),
            (300, 400),
        ]
        assert len(client.audio) == 4 * WORD_BYTES
        assert ended["duration_ms"] == 400
        # Nobody says tts_complete: the audio has been heard.
        assert (await client.until("state", to="IDLE"))["reason"] == "spoken"
        response = next(f for f in client.frames if f["type"] == "response")
        assert response["latency_breakdown"]["tts_ms"] > 0


async def test_an_interrupt_takes_back_what_has_not_left(tmp_path: object) -> None:
    llm = FakeLlm()
    llm.script = in_turn(ScriptedAnswer(text="la " * 300, word_delay_s=0.01))
    speech = SpeechWorker()
    async with AsyncExitStack() as opened:
        worker = await opened.enter_async_context(serving(speech))
        url = await opened.enter_async_context(orchestrating(llm, str(tmp_path), worker=worker))
        client = await opened.enter_async_context(connected(url, new_session(), audio=1))
        await client.say("sing")
        await client.until("audio_begin")
        await client.send("user_speaking")
        interrupt = await client.until("interrupt")
        assert len(interrupt["heard"]) < 450
        async with asyncio.timeout(60):
            await speech.ended.wait()
        llm.always("Yes?")
        await client.say("stop")
        assert (await client.until("response"))["text"] == "Yes?"


async def test_a_slow_client_holds_the_voice_up_and_loses_nothing_of_it(tmp_path: object) -> None:
    llm = FakeLlm()
    llm.always("la " * 39 + "la.")
    async with AsyncExitStack() as opened:
        worker = await opened.enter_async_context(serving(SpeechWorker()))
        url = await opened.enter_async_context(
            orchestrating(llm, str(tmp_path), worker=worker, buffer_size=2)
        )
        client = await opened.enter_async_context(connected(url, new_session(), audio=1))
        await client.say("speak")
        await client.until("audio_begin")
        await client.until("audio_end")
        assert len(client.audio) == 40 * WORD_BYTES
        values = [client.audio[n * WORD_BYTES] for n in range(40)]
        assert values == list(range(1, 41)), "every word, in order"


async def test_a_connection_may_be_silent_for_long(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Longer than a request over HTTP may take to arrive."""
    monkeypatch.setattr(connections, "REQUEST_WITHIN_S", 0.2)
    llm = FakeLlm()
    async with (
        orchestrating(llm, str(tmp_path)) as url,
        connected(url, new_session()) as client,
    ):
        await client.until("connected")
        await asyncio.sleep(0.6)
        await client.say("hello")
        assert (await client.until("response"))["text"] == "Of course."


async def test_without_a_worker_the_answer_is_read(tmp_path: object) -> None:
    llm = FakeLlm()
    llm.always("Hello.")
    async with AsyncExitStack() as opened:
        worker = SpeechWorker(is_broken=True)
        address = await opened.enter_async_context(serving(worker))
        url = await opened.enter_async_context(orchestrating(llm, str(tmp_path), worker=address))
        client = await opened.enter_async_context(
            connected(url, new_session(), audio=1, errors=1, states=1)
        )
        await client.say("hello")
        assert (await client.until("response"))["text"] == "Hello."
        await client.until("state", to="IDLE")
        codes = [f["code"] for f in client.frames if f["type"] == "error"]
        assert codes == ["speech_failed"]


@pytest.mark.parametrize("fails", [False, True])
async def test_elevenlabs_may_be_the_voice(tmp_path: object, fails: bool) -> None:
    asked: list[dict[str, object]] = []

    async def speak(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        asked.append(
            {"key": request.headers["xi-api-key"], "voice": request.match_info["voice"], **body}
        )
        if fails:
            return web.json_response({"detail": "no"}, status=500)
        response = web.StreamResponse()
        await response.prepare(request)
        text = str(body["text"])
        line = {
            "audio_base64": base64.b64encode(b"\x01\x00" * 2400).decode(),
            "alignment": {
                "characters": list(text),
                "character_start_times_seconds": [n / 100 for n in range(len(text))],
                "character_end_times_seconds": [(n + 1) / 100 for n in range(len(text))],
            },
        }
        await response.write(json.dumps(line).encode() + b"\n")
        return response

    app = web.Application()
    app.router.add_post("/v1/text-to-speech/{voice}/stream/with-timestamps", speak)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    at = f"http://127.0.0.1:{runner.addresses[0][1]}"
    llm = FakeLlm()
    llm.always("Hello there.")
    try:
        async with (
            orchestrating(llm, str(tmp_path), elevenlabs=at) as url,
            connected(url, new_session(), audio=1, states=1) as client,
        ):
            await client.say("hello")
            await client.until("response")
            await client.until("state", to="IDLE")
            words = [w["word"] for f in client.frames if f["type"] == "words" for w in f["words"]]
            if fails:
                assert words == []
            else:
                assert words == ["Hello", "there."]
                assert len(client.audio) == 4800 * len(asked)
            assert asked[0]["voice"] == "Ada"
    finally:
        await runner.cleanup()
