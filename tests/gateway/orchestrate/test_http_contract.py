"""The HTTP endpoints of the orchestrator, as its pages have them."""

import asyncio
import json
from datetime import datetime

import httpx
import pytest

from testkit.fake_llm import ScriptedAnswer, in_turn
from testkit.orchestrators import connected
from tests.gateway.orchestrate.conftest import Deployment, new_session

BREAKDOWN = {"stt_ms", "intent_ms", "rag_ms", "parallel_ms", "llm_ms", "tts_ms", "total_ms"}
LIMIT_S = 60.0


def client(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, timeout=LIMIT_S)


async def test_a_turn_over_http_is_one_answer(deployment: Deployment) -> None:
    session = new_session()
    async with client(deployment.url) as http:
        body = {"user_id": 42, "session_id": session, "message": "hello"}
        answer = await http.post("/orchestrate", json=body)
    assert answer.status_code == 200
    turn = answer.json()
    assert turn["session_id"] == session
    assert turn["response"] == "Of course."
    assert turn["intent"] == ""
    assert turn["sources"] == []
    assert set(turn["latency_breakdown"]) == BREAKDOWN
    assert "experiment" not in turn
    assert "approval" not in turn


async def test_without_a_session_a_new_one_is_made(deployment: Deployment) -> None:
    async with client(deployment.url) as http:
        turn = (await http.post("/orchestrate", json={"message": "hello"})).json()
    assert turn["session_id"]


async def test_server_sent_events_stream_the_turn(deployment: Deployment) -> None:
    deployment.llm.script = in_turn(ScriptedAnswer(text="one two three"))
    came: list[str] = []
    async with (
        client(deployment.url) as http,
        http.stream(
            "POST",
            "/orchestrate",
            json={"session_id": new_session(), "message": "count"},
            headers={"Accept": "text/event-stream"},
        ) as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        data = {}
        async for line in answer.aiter_lines():
            name, _, value = line.partition(": ")
            if name == "event":
                came.append(value)
            elif name == "data":
                data[came[-1]] = json.loads(value)
    assert came == ["delta"] * 3 + ["response"]
    assert data["response"]["response"] == "one two three"
    assert set(data["response"]["latency_breakdown"]) == BREAKDOWN


async def test_who_leaves_a_stream_that_is_being_made_ends_it_and_the_session_is_free(
    deployment: Deployment,
) -> None:
    deployment.llm.script = in_turn(ScriptedAnswer(text="la la", word_delay_s=600.0))
    body = {"session_id": new_session(), "message": "sing"}
    async with client(deployment.url) as http:
        async with http.stream(
            "POST", "/orchestrate", json=body, headers={"Accept": "text/event-stream"}
        ) as answer:
            await anext(answer.aiter_lines())
        async with asyncio.timeout(LIMIT_S):
            while not deployment.llm.disconnected.is_set():  # noqa: ASYNC110 - another thread's
                await asyncio.sleep(0.01)
        deployment.llm.always("Yes?")
        again = await http.post("/orchestrate", json=body)
        assert again.json()["response"] == "Yes?"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"message": ""}, 422),
        ({"message": "  "}, 422),
        ({"message": 5}, 422),
        ({"message": "hello", "session_id": "a b"}, 422),
        ({"message": "hello", "user_id": [1]}, 422),
    ],
)
async def test_a_wrong_turn_is_refused_with_a_sentence(
    one_process: Deployment, body: dict[str, object], status: int
) -> None:
    async with client(one_process.url) as http:
        answer = await http.post("/orchestrate", json=body)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


async def test_a_session_that_somebody_talks_in_is_left_to_them(deployment: Deployment) -> None:
    session = new_session()
    deployment.llm.script = in_turn(ScriptedAnswer(text="I am coming.", first_after_s=0.3))
    async with client(deployment.url) as http, client(deployment.other_url) as other:
        body = {"session_id": session, "message": "hello"}
        turns = await asyncio.gather(
            http.post("/orchestrate", json=body), other.post("/orchestrate", json=body)
        )
        assert [turn.status_code for turn in turns] == [200, 200], "one after the other"
        async with connected(deployment.url, session) as holder:
            await holder.until("connected")
            refused = await other.post("/orchestrate", json=body)
        assert refused.status_code == 409
        assert refused.headers["retry-after"]


async def test_health_is_the_superset_that_every_system_expects(deployment: Deployment) -> None:
    async with connected(deployment.url, new_session()) as talking, client(deployment.url) as http:
        await talking.until("connected")
        async with asyncio.timeout(LIMIT_S):
            # What was found before is told for a second.
            while not (health := (await http.get("/health")).json())["active_sessions"]:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    assert health["status"] == "healthy"
    assert health["redis_connected"] is deployment.shared
    datetime.fromisoformat(health["timestamp"])
    assert health["uptime_seconds"] > 0
    assert health["services"]["orchestrator"] == "healthy"
    assert health["services"]["model:local"] == "healthy"
    assert {component["status"] for component in health["components"].values()} == {"healthy"}
    assert all(isinstance(check["ok"], bool) for check in health["checks"].values())
    if not deployment.shared:
        assert health["components"]["sessions"]["detail"] == "memory"


@pytest.mark.parametrize("path", ["/ready", "/readiness", "/liveness"])
async def test_probes_answer(deployment: Deployment, path: str) -> None:
    async with client(deployment.url) as http:
        assert (await http.get(path)).status_code == 200


async def test_metrics_are_text_or_json(deployment: Deployment) -> None:
    async with client(deployment.url) as http:
        await http.post("/orchestrate", json={"message": "hello"})
        text = await http.get("/metrics")
        as_json = await http.get("/metrics", params={"format": "json"})
        accepted = await http.get("/metrics", headers={"Accept": "application/json"})
        summary = await http.get("/metrics/summary")
    assert text.headers["content-type"].startswith("text/plain")
    for name in (
        "orchestrator_requests_total",
        "orchestrator_request_duration_seconds",
        "orchestrator_active_pipelines",
    ):
        assert name in text.text
    for answer in (as_json, accepted, summary):
        found = answer.json()
        assert {"active_sessions", "uptime_seconds", "total_turns", "avg_latency_ms"} <= set(found)
        assert found["total_turns"] >= 1
        assert found["errors"] >= 0


async def test_feature_status_says_what_is_there(deployment: Deployment) -> None:
    async with client(deployment.url) as http:
        features = (await http.get("/feature-status")).json()
    available, fallbacks = features["available"], features["fallbacks"]
    for name in ("checkpointing", "hitl", "parallel", "streaming", "error_handling"):
        assert available[name] is True
    assert available["shared_sessions"] is deployment.shared
    assert fallbacks["checkpointing"] is None
    assert fallbacks["streaming"] == "full-response"


async def test_connection_stats_and_the_documented_api(deployment: Deployment) -> None:
    async with client(deployment.url) as http:
        assert (await http.get("/connection-stats")).json() == {"pools": {}}
        assert (await http.get("/docs")).status_code == 200
        paths = (await http.get("/openapi.json")).json()["paths"]
    assert "/orchestrate" in paths
    assert paths["/orchestrate"]["post"]["responses"]["200"]
