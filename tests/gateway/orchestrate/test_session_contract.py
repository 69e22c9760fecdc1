"""Sessions: the newest connection has one, it goes on wherever it comes back, and not beyond."""

import asyncio
from typing import Any

import httpx
import pytest

from testkit.fake_llm import ScriptedAnswer, ScriptedToolCall, in_turn, tool_results
from testkit.orchestrators import OrchestratorProcess, connected
from tests.gateway.orchestrate.conftest import Deployment, new_session, own_settings, until_asked


async def test_the_newer_connection_has_the_session_and_the_older_gets_4001(
    deployment: Deployment,
) -> None:
    session = new_session()
    async with connected(deployment.url, session, states=1) as older:
        await older.until("connected")
        await older.send("stt_fragment", text="my name is Ada", is_final=True)
        await older.until("state", to="LISTENING")
        async with connected(deployment.other_url, session) as newer:
            first = await newer.until("connected")
            assert first["state"] == "LISTENING"
            assert first["resumed"] is True
            assert (await older.closed())[0] == 4001
            await newer.send("vad_end", confidence=0.9)
            assert (await newer.until("response"))["text"] == "Of course."
    assert deployment.llm.messages[-1]["content"] == "my name is Ada"


async def test_a_lost_connection_goes_on_with_what_was_said_and_heard(
    deployment: Deployment,
) -> None:
    session = new_session()
    deployment.llm.always("Nice to meet you.")
    async with connected(deployment.url, session) as client:
        await client.say("I am Ada")
        await client.until("response")
        await client.send("tts_complete")
        await client.say("and I live in London")
        await client.until("response")
    async with connected(deployment.other_url, session) as client:
        first = await client.until("connected")
        assert (first["state"], first["turn_number"]) == ("SPEAKING", 2)
        again = await client.until("response")
        assert again["text"] == "Nice to meet you."
        assert again["resumed"] is True
        await client.send("tts_complete")
        await client.say("who am I?")
        await client.until("response", turn_number=3)
    said = [m["content"] for m in deployment.llm.messages if m["role"] == "user"]
    assert said == ["I am Ada", "and I live in London", "who am I?"]
    heard = [m["content"] for m in deployment.llm.messages if m["role"] == "assistant"]
    assert heard == ["Nice to meet you."] * 2


async def test_a_connection_lost_while_it_thinks_is_answered_at_the_next(
    deployment: Deployment,
) -> None:
    session = new_session()
    deployment.llm.script = in_turn(ScriptedAnswer(silent=True), ScriptedAnswer(text="Here I am."))
    deployment.llm.requests.clear()
    async with connected(deployment.url, session, states=1) as client:
        await client.say("where are you?")
        await client.until("state", to="THINKING")
        await until_asked(deployment.llm)
    async with connected(deployment.other_url, session) as client:
        assert (await client.until("response"))["text"] == "Here I am."


async def test_http_and_websocket_are_of_one_session(deployment: Deployment) -> None:
    session = new_session()
    async with httpx.AsyncClient(timeout=60) as http:
        answer = await http.post(
            f"{deployment.url}/orchestrate",
            json={"user_id": 7, "session_id": session, "message": "I am Ada"},
        )
        assert answer.status_code == 200
    async with connected(deployment.other_url, session) as client:
        assert (await client.until("connected"))["turn_number"] == 1
        await client.say("who am I?")
        await client.until("response", turn_number=2)
        async with httpx.AsyncClient(timeout=60) as http:
            listed = (await http.get(f"{deployment.url}/sessions")).json()["sessions"]
            row = next(row for row in listed if row["session_id"] == session)
            assert row["state"] == "SPEAKING"
            assert row["turn_number"] == 2
            assert row["total_latency_ms"] > 0
            assert row["active"] is True
    said = [m["content"] for m in deployment.llm.messages if m["role"] == "user"]
    assert said == ["I am Ada", "who am I?"]


@pytest.mark.servers
async def test_a_process_killed_in_every_state_loses_nothing_and_does_nothing_twice(  # noqa: PLR0915
    two_processes: Deployment, shared_servers: dict[str, Any]
) -> None:
    deployment = two_processes
    llm = deployment.llm
    is_killed = False

    def script(messages: list[dict[str, Any]]) -> ScriptedAnswer:
        said = str([m["content"] for m in messages if m["role"] == "user"][-1])
        if tool_results(messages):
            return (
                ScriptedAnswer(text="It is ordered.") if is_killed else ScriptedAnswer(silent=True)
            )
        if "order" in said:
            return ScriptedAnswer(calls=[ScriptedToolCall("order", {"what": "tea"})])
        if "think" in said and not is_killed:
            return ScriptedAnswer(silent=True)
        return ScriptedAnswer(text=f"You said: {said}.")

    llm.script = script
    own = own_settings(_llm_url(deployment), deployment.folder) | shared_servers
    victim = OrchestratorProcess(deployment.folder / "victim", own)
    victim.start()
    names = ("idle", "listening", "thinking", "acting", "speaking")
    sessions = {name: new_session() for name in names}
    clients = {}
    async with asyncio.timeout(120):
        opened = [connected(victim.url, sessions[name], states=1) for name in names]
        try:
            for name, each in zip(names, opened, strict=True):
                clients[name] = await each.__aenter__()
            await clients["idle"].say("hello")
            await clients["idle"].until("response")
            await clients["idle"].send("tts_complete")
            await clients["idle"].until("state", to="IDLE")
            await clients["listening"].send("stt_fragment", text="half of it", is_final=True)
            await clients["listening"].until("state", to="LISTENING")
            await clients["thinking"].say("think about it")
            await clients["thinking"].until("state", to="THINKING")
            await clients["acting"].say("order tea")
            await clients["speaking"].say("hello")
            await clients["speaking"].until("response")
            while not deployment.orders:  # noqa: ASYNC110 - a file that another process writes
                await asyncio.sleep(0.02)
            waits = [r for r in llm.requests if tool_results(r["messages"])]
            while not waits:
                await asyncio.sleep(0.02)
                waits = [r for r in llm.requests if tool_results(r["messages"])]
            victim.kill()
        finally:
            for each in opened:
                await each.__aexit__(None, None, None)
    is_killed = True
    url = deployment.other_url
    async with connected(url, sessions["idle"]) as client:
        first = await client.until("connected")
        assert (first["state"], first["turn_number"]) == ("IDLE", 1)
    async with connected(url, sessions["listening"]) as client:
        assert (await client.until("connected"))["state"] == "LISTENING"
        await client.say("and the rest")
        answer = await client.until("response")
        assert answer["text"] == "You said: half of it and the rest."
    async with connected(url, sessions["thinking"]) as client:
        assert (await client.until("response"))["text"] == "You said: think about it."
    async with connected(url, sessions["acting"]) as client:
        assert (await client.until("response"))["text"] == "It is ordered."
    async with connected(url, sessions["speaking"]) as client:
        assert (await client.until("response"))["text"] == "You said: hello."
    assert deployment.orders == ["tea"]


def _llm_url(deployment: Deployment) -> str:
    import yaml  # noqa: PLC0415

    config: dict[str, Any] = yaml.safe_load(deployment.processes[0].config.read_text())
    return str(config["llm"]["base_url"])
