"""Whatever comes to the orchestrator's port: an answer that says what is wrong, and it goes on."""

import asyncio
import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.fuzzing import (
    ServerLoop,
    fuzzed,
    json_bytes,
    junk_bytes,
    junk_json,
    junk_text,
    objects,
    server_loop,
)
from tests.gateway.orchestrate.conftest import Deployment, new_session

__all__ = ["fuzzed", "server_loop"]

pytestmark = pytest.mark.servers

WITHIN_S = 60.0
MESSAGES_A_CONNECTION = 20

Ask = tuple[str, str, bytes]
"""Method, path with its query, body."""


def _of_kind(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Something of the JSON schema's own kind."""
    if schema.get("enum"):
        return st.sampled_from(schema["enum"])
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "string": junk_text,
        "integer": st.integers(),
        "number": st.floats(),
        "boolean": st.booleans(),
        "array": st.lists(junk_json, max_size=3),
        "object": st.dictionaries(junk_text, junk_json, max_size=3),
    }
    return kinds.get(str(schema.get("type")), junk_json)


def asks(document: dict[str, Any]) -> st.SearchStrategy[Ask]:
    """Of each operation that the API describes, with anything in each of its places."""

    def bodies(operation: dict[str, Any]) -> st.SearchStrategy[bytes]:
        content = operation.get("requestBody", {}).get("content", {})
        reference = content.get("application/json", {}).get("schema", {}).get("$ref", "")
        schema = document["components"]["schemas"].get(reference.rpartition("/")[2], {})
        fields = {name: _of_kind(each) for name, each in schema.get("properties", {}).items()}
        return objects(**fields).map(json_bytes) | junk_json.map(json_bytes) | junk_bytes

    def of(path: str, method: str) -> st.SearchStrategy[Ask]:
        operation = document["paths"][path][method]
        parts = [
            junk_text.map(lambda text: quote(text, safe=""))
            if part.startswith("{")
            else st.just(part)
            for part in path.split("/")
        ]
        names = [each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"]
        query = st.lists(st.tuples(st.sampled_from([*names, "x"]), junk_text), max_size=3).map(
            lambda pairs: "&".join(f"{name}={quote(value)}" for name, value in pairs)
        )
        return st.tuples(st.tuples(*parts).map("/".join), query, bodies(operation)).map(
            lambda drawn: (method.upper(), f"{drawn[0]}?{drawn[1]}", drawn[2])
        )

    operations = sorted(
        (path, method) for path, methods in document["paths"].items() for method in methods
    )
    assert ("/orchestrate", "post") in operations
    return st.sampled_from(operations).flatmap(lambda each: of(*each))


async def _answer(url: str, ask: Ask) -> httpx.Response:
    method, target, body = ask
    async with httpx.AsyncClient(timeout=WITHIN_S) as client:
        request = client.build_request(
            method, url, content=body, headers={"content-type": "application/json"}
        )
        raw_path = target.encode()
        request.url = request.url.copy_with(raw_path=raw_path)
        return await client.send(request)


def test_fuzz_every_operation_answers_in_one_shape(
    server_loop: ServerLoop, one_process: Deployment, fuzzed: settings
) -> None:
    one_process.llm.always("Of course.")
    url, before = one_process.url, _failures(one_process)
    document = httpx.get(f"{url}/openapi.json", timeout=WITHIN_S).json()

    @fuzzed
    @given(asks(document))
    def attempt(ask: Ask) -> None:
        answer = server_loop.run(_answer(url, ask))
        assert answer.status_code < 500 or answer.status_code == 503, (ask, answer.text)
        assert "Traceback" not in answer.text and "site-packages" not in answer.text
        if answer.is_error and answer.content:
            told = answer.json()["error"]
            assert told["code"] and told["message"], ask

    attempt()
    assert httpx.get(f"{url}/liveness", timeout=WITHIN_S).status_code == 200
    assert _failures(one_process) == before


async def _replies(url: str, session: str, frames: list[str | bytes]) -> list[dict[str, Any]]:
    """What came until the answer to a last question; less where the server has closed."""
    address = f"{url.replace('http', 'ws')}/orchestrate?session_id={session}&errors=1"
    told: list[dict[str, Any]] = []
    async with connect(address, open_timeout=WITHIN_S) as socket:
        try:
            for each in frames:
                await socket.send(each)
            for last in ("stt_fragment", "vad_end"):
                text = {"text": "hello", "is_final": True} if last == "stt_fragment" else {}
                await socket.send(json.dumps({"type": last, "session_id": session, **text}))
            async with asyncio.timeout(WITHIN_S):
                while not told or told[-1]["type"] != "response":
                    told.append(json.loads(await socket.recv()))
        except ConnectionClosed as closed:
            told.append({"type": "closed", "code": closed.rcvd.code if closed.rcvd else 0})
    return told


def test_fuzz_a_conversation_goes_on_after_any_message(
    server_loop: ServerLoop, one_process: Deployment, fuzzed: settings
) -> None:
    one_process.llm.always("Of course.")
    before = _failures(one_process)
    message = objects(
        type=st.sampled_from(["stt_fragment", "vad_end", "user_speaking", "tts_complete", "x"]),
        session_id=st.just("SESSION") | junk_text,
        text=junk_text,
        is_final=st.booleans(),
        confidence=st.floats(),
        timestamp=st.floats() | junk_text,
    )
    frame = message.map(json.dumps) | junk_text | st.binary(max_size=100)

    @settings(fuzzed, max_examples=max(6, fuzzed.max_examples // MESSAGES_A_CONNECTION))
    @given(st.lists(frame, max_size=MESSAGES_A_CONNECTION))
    def attempt(frames: list[str | bytes]) -> None:
        session = new_session()
        named = [
            each.replace("SESSION", session) if isinstance(each, str) else each for each in frames
        ]
        told = server_loop.run(_replies(one_process.url, session, named))
        assert told[0]["type"] == "connected"
        if told[-1]["type"] == "closed":
            assert told[-1]["code"] == 1008, "a client that floods"
        else:
            assert told[-1]["type"] == "response"
        for each in told:
            assert each["type"] != "error" or (each["code"] and each["message"]), each

    attempt()
    assert _failures(one_process) == before


def _failures(deployment: Deployment) -> int:
    """Tracebacks in the log of the process."""
    return deployment.processes[0].log.count("Traceback (most recent call last)")
