"""WS /orchestrate, as its page has it: every message, every state."""

import asyncio
import json
import time

import pytest

from testkit.fake_llm import ScriptedAnswer, in_turn, last_user_text
from testkit.orchestrators import OrchestratorClient, connected
from tests.gateway.orchestrate.conftest import Deployment, new_session, until_asked

BREAKDOWN = {"stt_ms", "intent_ms", "rag_ms", "parallel_ms", "llm_ms", "tts_ms", "total_ms"}
EVERYTHING = {"stream": 1, "states": 1, "errors": 1}


async def until_idle(client: OrchestratorClient) -> None:
    await client.send("tts_complete")
    await client.until("state", to="IDLE")


async def test_a_plain_client_sees_connected_response_and_interrupt_and_nothing_else(
    deployment: Deployment,
) -> None:
    deployment.llm.always("Well, that is a long story, and I will tell it from its beginning.")
    session = new_session()
    async with connected(deployment.url, session) as client:
        first = await client.next()
        assert first["type"] == "connected"
        assert first["session_id"] == session
        await client.send("stt_fragment", text="tell me", is_final=False)
        await client.send("stt_fragment", text="tell me a story", is_final=True)
        await client.socket.send("nonsense")
        await client.send("vad_end", confidence=0.93)
        response = await client.next()
        assert response["type"] == "response"
        assert response["session_id"] == session
        assert response["state"] == "SPEAKING"
        assert response["text"].startswith("Well, that is a long story")
        assert set(response["latency_breakdown"]) == BREAKDOWN
        assert response["latency_breakdown"]["total_ms"] > 0
        await client.send("user_speaking")
        interrupt = await client.next()
        assert interrupt["type"] == "interrupt"
        assert interrupt["session_id"] == session
        await client.say("no, something else")
        assert (await client.next())["type"] == "response"
        await client.send("tts_complete")
        await client.say("and then?")
        assert (await client.next())["turn_number"] == 3
    assert {frame["type"] for frame in client.frames} == {"connected", "response", "interrupt"}


async def test_every_transition_is_told_to_who_asks_for_states(deployment: Deployment) -> None:
    async with connected(deployment.url, new_session(), states=1) as client:
        await client.say("hello")
        await client.until("response")
        await until_idle(client)
        told = [(f["from"], f["to"]) for f in client.frames if f["type"] == "state"]
        assert told == [
            ("IDLE", "LISTENING"),
            ("LISTENING", "THINKING"),
            ("THINKING", "SPEAKING"),
            ("SPEAKING", "IDLE"),
        ]


async def test_tokens_come_as_they_are_made(deployment: Deployment) -> None:
    never_ends = ScriptedAnswer(text="one two", word_delay_s=600.0)
    deployment.llm.script = in_turn(never_ends, ScriptedAnswer(text="one two three four"))
    async with connected(deployment.url, new_session(), **EVERYTHING) as client:
        await client.say("count")
        assert (await client.until("delta"))["text"].strip() == "one"
        await client.send("user_speaking")
        await client.until("interrupt")
        client.frames.clear()
        await client.say("again")
        answer = await client.until("response")
        deltas = [frame["text"] for frame in client.frames if frame["type"] == "delta"]
        assert "".join(deltas) == answer["text"] == "one two three four"


async def test_speech_over_the_answer_ends_the_request_to_the_model(
    deployment: Deployment,
) -> None:
    deployment.llm.script = in_turn(ScriptedAnswer(text="la " * 400, word_delay_s=0.05))
    async with connected(deployment.url, new_session(), **EVERYTHING) as client:
        await client.say("sing")
        await client.until("delta")
        await client.send("user_speaking")
        interrupt = await client.until("interrupt")
        assert len(interrupt["heard"]) < 1200
        async with asyncio.timeout(30):
            while not deployment.llm.disconnected.is_set():  # noqa: ASYNC110 - another thread's
                await asyncio.sleep(0.01)
        await client.until("state", to="LISTENING")


async def test_who_goes_on_while_it_thinks_is_answered_to_all_they_said(
    deployment: Deployment,
) -> None:
    deployment.llm.script = in_turn(
        ScriptedAnswer(text="Too early.", silent=True), ScriptedAnswer(text="Two tickets it is.")
    )
    deployment.llm.requests.clear()
    async with connected(deployment.url, new_session(), states=1) as client:
        await client.say("I would like two")
        await client.until("state", to="THINKING")
        await until_asked(deployment.llm)
        await client.send("user_speaking")
        await client.until("state", to="LISTENING")
        await client.say("tickets to Rome")
        response = await client.until("response")
        assert response["text"] == "Two tickets it is."
        assert response["turn_number"] == 1
    asked = [last_user_text(request["messages"]) for request in deployment.llm.requests]
    assert asked[-1] == "I would like two tickets to Rome"


async def test_the_end_of_speech_without_words_is_idle(deployment: Deployment) -> None:
    async with connected(deployment.url, new_session(), **EVERYTHING) as client:
        await client.send("vad_end", confidence=0.4)
        await client.send("stt_fragment", text="hm", is_final=False)
        await client.send("stt_fragment", text="", is_final=False)
        await client.send("vad_end", confidence=0.4)
        assert (await client.until("state", to="IDLE"))["reason"] == "no_words"


async def test_a_failure_is_a_spoken_apology_and_no_dead_end(deployment: Deployment) -> None:
    deployment.llm.script = in_turn(ScriptedAnswer(status=400))
    async with connected(deployment.url, new_session(), **EVERYTHING) as client:
        await client.say("hello")
        response = await client.until("response")
        assert response["text"]
        error = next(frame for frame in client.frames if frame["type"] == "error")
        assert set(error) >= {"code", "message", "retryable"}
        await until_idle(client)
        deployment.llm.always("Now it works.")
        await client.say("again")
        assert (await client.until("response"))["text"] == "Now it works."


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{", "not_json"),
        ("[]", "invalid_message"),
        ('{"type": "sing"}', "unknown_type"),
        ('{"text": "no type"}', "unknown_type"),
        ('{"type": "stt_fragment", "text": 1, "is_final": true}', "invalid_message"),
        ('{"type": "stt_fragment", "is_final": true}', "invalid_message"),
        ('{"type": "vad_end", "session_id": "of-another"}', "wrong_session"),
        ('{"type": "tts_complete"}', "out_of_place"),
        (b"\x00\x01", "not_json"),
    ],
)
async def test_what_cannot_be_taken_is_said_and_the_conversation_goes_on(
    one_process: Deployment, message: str | bytes, code: str
) -> None:
    one_process.llm.always("Of course.")
    async with connected(one_process.url, new_session(), errors=1) as client:
        await client.socket.send(message)
        error = await client.until("error")
        assert error["code"] == code
        assert error["message"]
        assert error["retryable"] is False
        await client.say("hello")
        assert (await client.until("response"))["text"] == "Of course."


async def test_who_floods_is_slowed_and_then_closed(one_process: Deployment) -> None:
    async with connected(one_process.url, new_session()) as client:
        for _ in range(380):
            await client.socket.send(json.dumps({"type": "user_speaking"}))
        code, _ = await client.closed()
        assert code == 1008


async def test_the_time_since_the_words_were_over_is_told(one_process: Deployment) -> None:
    async with connected(one_process.url, new_session()) as client:
        await client.send("stt_fragment", text="hello", is_final=True, timestamp=time.time() - 0.25)
        await client.send("vad_end", confidence=0.9)
        breakdown = (await client.until("response"))["latency_breakdown"]
        assert 200 < breakdown["stt_ms"] < 60_000
        assert breakdown["total_ms"] >= breakdown["stt_ms"]
