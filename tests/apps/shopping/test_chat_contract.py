"""Every message and endpoint of the shopping chat, over a real socket."""

import asyncio
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from apps.shopping.settings import ShoppingSettings
from gateway.chat.socket import MESSAGES_PER_MINUTE
from parley.settings.budgets import BudgetsSection
from testkit.fake_llm import FakeLlm, ScriptedAnswer, ScriptedToolCall, llm_serving
from tests.apps.shopping.chatting import (
    WITHIN_S,
    Frame,
    chat_server,
    chat_settings,
    kinds,
    one,
)
from tests.apps.shopping.pictures import picture

LAPTOP = "I need a laptop under $1000, not HP"


async def test_a_wish_is_answered_with_progress_results_tokens_and_done() -> None:
    async with chat_server() as server, server.talking() as client:
        connected = await client.next()
        assert connected["type"] == "connected"
        assert connected["data"]["session_id"] and connected["data"]["message"]
        assert set(connected) == {"type", "data", "timestamp"}
        told = datetime.fromisoformat(connected["timestamp"])
        assert told.tzinfo is not None and abs((datetime.now(UTC) - told).total_seconds()) < 60
        frames = await client.say(LAPTOP)
        assert kinds(frames) == ["progress", "results", "token", "done"]
        steps = [f["data"] for f in frames if f["type"] == "progress"]
        assert all(step["step"] and step["message"] for step in steps)
        assert any(
            "Harbor Market" in s["message"] and "Lantern Lane" in s["message"] for s in steps
        )
        results = one(frames, "results")
        assert set(results) == {"products", "total_count", "requirement_spec"}
        assert results["products"] and results["total_count"] >= len(results["products"])
        for product in results["products"]:
            assert product["price"] < 1000 and product["brand"] != "HP"
            assert product["category"] == "laptop" and product["reasons"]
        assert results["requirement_spec"]["brands_unwanted"] == ["HP"]
        tokens = [f["data"] for f in frames if f["type"] == "token"]
        assert [t["is_complete"] for t in tokens] == [False] * (len(tokens) - 1) + [True]
        assert one(frames, "done")["message"] == "".join(t["content"] for t in tokens)


async def test_questions_are_asked_twice_at_most_and_then_it_is_assumed() -> None:
    async with chat_server() as server, server.talking() as client:
        first = one(await client.say("a present for my brother"), "clarification")
        assert "kind of product" in first["question"] and "laptop" in first["suggestions"]
        second = one(await client.say("sneakers"), "clarification")
        assert "size" in second["question"].lower()
        frames = await client.say("I do not know")
        results = one(frames, "results")
        assert {p["category"] for p in results["products"]} == {"running shoes"}
        assert "any size" in one(frames, "done")["message"]


async def test_an_answer_to_a_question_ends_in_results_that_obey_it() -> None:
    async with chat_server() as server, server.talking() as client:
        asked = one(await client.say("blue running shoes"), "clarification")
        assert "size" in asked["question"].lower()
        products = one(await client.say("ten"), "results")["products"]
        assert products
        assert all(p["color"] == "blue" and "10" in p["sizes"] for p in products)


async def test_a_new_wish_while_a_question_is_pending_is_a_new_wish() -> None:
    async with chat_server() as server, server.talking() as client:
        one(await client.say("running shoes"), "clarification")
        results = one(await client.say("actually, a blender below 80 dollars"), "results")
        assert results["requirement_spec"]["category"] == "blender"
        assert results["products"]
        assert all(p["price"] < 80 for p in results["products"])


async def test_a_wish_is_refined_by_what_comes_after_its_results() -> None:
    async with chat_server() as server, server.talking() as client:
        await client.say("headphones under 200 dollars")
        spec = one(await client.say("wireless ones please, and not Sony"), "results")[
            "requirement_spec"
        ]
        assert spec["category"] == "headphones" and spec["budget_max"] == 199.99
        assert spec["attributes"]["features"] == ["wireless"]
        assert spec["brands_unwanted"] == ["Sony"]


async def test_a_client_that_changes_its_mind_gets_what_it_wants_now() -> None:
    """A question, its answer, and then one constraint after the other is another."""
    async with chat_server() as server, server.talking() as client:
        one(await client.say("red running shoes"), "clarification")
        first = one(await client.say("size 9"), "results")["requirement_spec"]
        assert first["attributes"]["colors"] == ["red"] and first["attributes"]["sizes"] == ["9"]
        turns: tuple[tuple[str, Callable[[Frame], bool]], ...] = (
            ("sorry, make them blue", lambda p: p["color"] == "blue"),
            ("no, any color but black, under 90 dollars", lambda p: p["price"] < 90),
            ("actually any color is fine, but not Nike", lambda p: p["brand"] != "Nike"),
            ("the price doesn't matter", lambda p: "9" in p["sizes"]),
        )
        for text, obeys in turns:
            results = one(await client.say(text), "results")
            assert results["requirement_spec"]["category"] == "running shoes"
            assert results["products"]
            assert all("9" in p["sizes"] and obeys(p) for p in results["products"])
        last = results["requirement_spec"]
        assert last["budget_max"] is None and last["brands_unwanted"] == ["Nike"]
        assert last["attributes"]["colors"] == [] == last["attributes"]["colors_unwanted"]
        other = one(await client.say("forget it, a blender under 80 dollars"), "results")
        assert {p["category"] for p in other["products"]} == {"blender"}
        assert other["requirement_spec"]["brands_unwanted"] == []


async def test_what_is_no_message_is_a_validation_error_and_the_chat_goes_on() -> None:
    async with chat_server() as server, server.talking() as client:
        await client.next()
        for wrong in (
            "no json",
            "[]",
            '{"type": "other"}',
            '{"type": "message", "message": ""}',
            json.dumps({"type": "message", "message": "x" * 5000}),
            json.dumps(
                {
                    "type": "message",
                    "message": "x",
                    "media": [{"media_type": "film", "s3_key": "a"}],
                }
            ),
        ):
            await client.connection.send(wrong)
            error = (await client.next())["data"]
            assert error["code"] == "validation_error" and error["retryable"] is False
            assert error["message"]
        assert one(await client.say(LAPTOP), "results")["products"]


async def test_whose_session_it_is_not_gets_4404_and_404() -> None:
    async with chat_server() as server:
        async with server.talking("ann") as client:
            session = (await client.next())["data"]["session_id"]
            await client.say(LAPTOP)
        async with server.talking("bob", session) as other:
            assert await other.closed() == 4404
        async with connect(f"ws://{server.address}/ws/chat") as nobody:
            async with asyncio.timeout(WITHIN_S):
                await nobody.wait_closed()
            assert nobody.close_code == 4400
        async with httpx.AsyncClient(base_url=server.http) as http:
            path = f"/api/v1/sessions/{session}"
            own = await http.get(path, params={"user_id": "ann"})
            assert own.status_code == 200
            state = own.json()
            assert state["session_id"] == session and state["user_id"] == "ann"
            assert state["request"]["status"] == "completed"
            assert state["request"]["workflow_state"]["stage"] == "COMPLETED"
            assert {"role": "user", "content": LAPTOP} in state["messages"]
            for params in ({"user_id": "bob"}, {}):
                refused = await http.get(path, params=params)
                assert refused.status_code == 404
                assert refused.json()["error"]["code"] == "no_session"


async def test_a_second_connection_takes_the_session_over() -> None:
    async with chat_server() as server, server.talking() as first:
        session = (await first.next())["data"]["session_id"]
        one(await first.say("running shoes"), "clarification")
        async with server.talking(session=session) as second:
            assert await first.closed() == 4409
            assert (await second.next())["data"]["session_id"] == session
            # The question still waits, and is asked again of who has come back.
            assert one(await second.until("clarification"), "clarification")["suggestions"]
            assert one(await second.say("size 9"), "results")["products"]


async def test_a_page_of_another_site_cannot_open_a_chat() -> None:
    async with chat_server() as server:
        url = f"ws://{server.address}/ws/chat?user_id=ann"
        try:
            async with connect(url, origin="https://elsewhere.example"):  # type: ignore[arg-type]
                raise AssertionError("it was let in")
        except InvalidStatus as error:
            assert error.response.status_code == 403


async def test_in_production_a_chat_needs_a_key() -> None:
    settings = chat_settings()
    security = settings.security.model_copy(update={"api_key_required": "on"})
    locked = settings.model_copy(update={"security": security})
    async with chat_server(locked) as server, httpx.AsyncClient(base_url=server.http) as http:
        async with server.talking() as client:
            assert await client.closed() == 1008
        refused = await http.get("/api/v1/sessions/any", params={"user_id": "ann"})
        assert refused.status_code == 401
        assert (await http.get("/debug/connections")).status_code == 401
        assert (await http.get("/health")).status_code == 200


async def test_health_metrics_and_connections_are_told() -> None:
    async with chat_server() as server, server.talking() as client:
        session = (await client.next())["data"]["session_id"]
        await client.say(LAPTOP)
        async with httpx.AsyncClient(base_url=server.http) as http:
            health = (await http.get("/health")).json()
            assert health["status"] == "healthy" and health["connections"] == 1
            assert health["app"]["dynamodb"].startswith("SQLite")
            assert health["app"]["s3"] == "a folder on this machine"
            assert set(health["app"]["catalogs"]) == {"Harbor Market", "Lantern Lane"}
            assert health["model"]["requirements"].startswith("rules")
            metrics = (await http.get("/metrics")).text
            assert 'chat_messages_total{outcome="done"} 1.0' in metrics
            assert "chat_first_token_seconds_count 1.0" in metrics
            shown = (await http.get("/debug/connections")).json()
            assert shown["count"] == 1
            assert shown["connections"][0]["session_id"] == session


async def test_connections_are_told_only_with_debug() -> None:
    async with (
        chat_server(chat_settings(debug=False)) as server,
        httpx.AsyncClient(base_url=server.http) as http,
    ):
        assert (await http.get("/debug/connections")).status_code == 404


async def test_tokens_arrive_as_the_model_makes_them() -> None:
    form = {"category": "laptop", "budget_max": 999.99, "brands_unwanted": ["HP"]}
    llm = FakeLlm()

    def script(messages: list[dict[str, object]]) -> ScriptedAnswer:
        if "fill in a form" in str(messages[0]["content"]):
            return ScriptedAnswer(calls=(ScriptedToolCall("requirement", form),))
        return ScriptedAnswer(text="Take the first one", word_delay_s=0.2)

    llm.script = script
    async with (
        llm_serving(llm) as url,
        chat_server(chat_settings(url)) as server,
        server.talking() as client,
    ):
        await client.next()
        await client.send(LAPTOP)
        while (frame := await client.next())["type"] != "done":
            content = frame["data"].get("content") if frame["type"] == "token" else ""
            if content and content != " one":
                assert llm.completed == 1  # the form is filled, and the answer is still being made
        contents = [f["data"]["content"] for f in client.frames if f["type"] == "token"]
        assert contents == ["Take", " the", " first", " one", ""]
        assert frame["data"]["message"] == "Take the first one"
    assert one(client.frames, "results")["requirement_spec"]["brands_unwanted"] == ["HP"]


async def test_a_small_model_that_writes_its_call_and_is_wrong_loosens_nothing() -> None:
    form = {"category": "phone", "budget_max": 5000, "brands": "HP", "quantity": 0.5, "use": "work"}
    wrong = {"name": "requirement", "arguments": form}
    llm = FakeLlm(script=lambda _: ScriptedAnswer(text=json.dumps(wrong)))
    async with (
        llm_serving(llm) as url,
        chat_server(chat_settings(url)) as server,
        server.talking() as client,
    ):
        spec = one(await client.say(LAPTOP), "results")["requirement_spec"]
        assert spec["category"] == "laptop" and spec["budget_max"] == 999.99
        assert spec["brands"] == [] and spec["brands_unwanted"] == ["HP"]
        assert spec["quantity"] == 1 and spec["use"] == "work"  # what is wrong is left out alone


async def test_a_model_that_fails_is_replaced_by_rules_and_health_says_so() -> None:
    llm = FakeLlm(script=lambda _: ScriptedAnswer(status=500))
    async with llm_serving(llm) as url, chat_server(chat_settings(url)) as server:
        async with server.talking() as client:
            results = one(await client.say(LAPTOP), "results")
            assert results["products"] and all(p["brand"] != "HP" for p in results["products"])
        async with httpx.AsyncClient(base_url=server.http) as http:
            app = (await http.get("/health")).json()["app"]
            assert app["requirements_by"]["rules"] == 1 and app["model_failure"]


async def test_a_message_while_an_answer_runs_takes_its_place() -> None:
    llm = FakeLlm(script=lambda _: ScriptedAnswer(silent=True))
    async with (
        llm_serving(llm) as url,
        chat_server(chat_settings(url)) as server,
        server.talking() as client,
    ):
        await client.next()
        await client.send(LAPTOP)
        async with asyncio.timeout(WITHIN_S):
            await llm.received.wait()
        llm.script = lambda _: ScriptedAnswer(status=500)
        frames = await client.say("a blender below 80 dollars")
        assert one(frames, "results")["requirement_spec"]["category"] == "blender"
        async with asyncio.timeout(WITHIN_S):
            await llm.disconnected.wait()


async def test_an_upload_is_judged_by_its_content(shop_state: Path) -> None:
    async with chat_server() as server, httpx.AsyncClient(base_url=server.http) as http:
        refused = await http.post("/api/v1/media", content=b"#!/bin/sh\n")
        assert refused.status_code == 415 and refused.json()["error"]["code"] == "media_refused"
        broken = await http.post("/api/v1/media", content=b"\x89PNG\r\n\x1a\n" + b"0" * 99)
        assert broken.status_code == 415
        taken = await http.post(
            "/api/v1/media", content=picture("red"), headers={"Content-Type": "text/plain"}
        )
        assert taken.status_code == 201
        media = taken.json()
        assert media["media_type"] == "image" and media["content_type"] == "image/png"
        assert re.fullmatch(r"uploads/[0-9a-f]{32}", media["s3_key"])
        async with server.talking() as client:
            frames = await client.say("a jacket like this in size L", [media])
            assert one(frames, "results")["requirement_spec"]["attributes"]["colors"] == ["red"]
            assert any(f["data"].get("step") == "looking" for f in frames)
            for key in ("../requests.db", "uploads/../../requests.db", f"uploads/{'0' * 32}"):
                wrong = media | {"s3_key": key}
                error = one(await client.say("and this?", [wrong]), "error")
                assert error["code"] == "validation_error" and not error["retryable"]


async def test_an_upload_is_on_the_budget_of_its_client_s_messages() -> None:
    settings = chat_settings().model_copy(update={"budgets": BudgetsSection(messages_per_hour=3)})
    async with (
        chat_server(settings) as server,
        httpx.AsyncClient(base_url=server.http) as http,
        server.talking() as client,
    ):
        await client.next()
        await client.say("a blender below 80 dollars")
        for _ in range(2):
            assert (await http.post("/api/v1/media", content=picture("red"))).status_code == 201
        refused = await http.post("/api/v1/media", content=picture("red"))
        assert one(await client.say("a toaster"), "error")["code"] == "budget_spent"
    assert refused.status_code == 429 and refused.json()["error"]["code"] == "budget_spent"
    assert 0 < int(refused.headers["Retry-After"]) <= 20 * 60


async def test_where_no_budget_is_set_uploads_are_as_many_a_minute_as_messages() -> None:
    codes: list[str] = []
    async with chat_server() as server, httpx.AsyncClient(base_url=server.http) as http:
        async with asyncio.timeout(WITHIN_S):
            while not codes or codes[-1] == "media_refused":
                answer = await http.post("/api/v1/media", content=b"#!/bin/sh\n")
                codes.append(answer.json()["error"]["code"])
    assert codes[-1] == "rate_limited"
    assert len(codes) > MESSAGES_PER_MINUTE


def test_settings_need_nothing() -> None:
    assert ShoppingSettings() == ShoppingSettings.model_validate({})
