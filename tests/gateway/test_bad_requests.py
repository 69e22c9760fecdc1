"""Whatever a client sends, the answer is one clear JSON shape and the gateway goes on."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.gateway.conftest import Serve, TurnedClock, settings_with

JSON = {"content-type": "application/json"}


def refusal(answer: httpx.Response) -> str:
    body = answer.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message"}
    assert body["error"]["message"]
    return str(body["error"]["code"])


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"voice=amy", 400, "not_json"),
        (b"{", 400, "not_json"),
        (b"\xff\xfe\x00", 400, None),
        (b"[]", 422, "invalid_request"),
        (b'"amy"', 422, "invalid_request"),
        (b'{"voice": 7}', 422, "invalid_request"),
        (b'{"voice": {"name": "amy"}}', 422, "invalid_request"),
        (b'{"room_name": 7}', 422, "invalid_request"),
        (b'{"room_name": "a\\nb"}', 422, "invalid_request"),
        (b'{"room_name": "' + b"a" * 65 + b'"}', 422, "invalid_request"),
        (b'{"participant_identity": "' + b"a" * 65 + b'"}', 422, "invalid_request"),
        (b'{"participant_metadata": "' + b"a" * 4097 + b'"}', 422, "invalid_request"),
        (b'{"participant_attributes": ["a"]}', 422, "invalid_request"),
        (b'{"participant_attributes": {"a": 1}}', 422, "invalid_request"),
        (b'{"participant_attributes": {"lk.agent.state": "x"}}', 422, "invalid_request"),
        (b'{"participant_attributes": {"parley.session": "x"}}', 422, "invalid_request"),
        (b'{"room_config": {"agents": [{}, {}]}}', 422, "invalid_request"),
        (b'{"room_config": {"agents": [{"agent_name": "x"}]}}', 422, "unknown_agent"),
        (b'{"app": "nobody"}', 422, "unknown_app"),
        (b'{"session": "mine"}', 422, "unknown_session"),
        (b'{"session": "\xc3\xa9.\xc3\xa9"}', 422, "unknown_session"),
        (b'{"voice": "' + b"a" * 201 + b'"}', 422, "invalid_request"),
        (b'{"voice": "\\ud800"}', 422, None),
    ],
)
async def test_a_bad_body_is_refused_and_the_next_call_works(
    serve: Serve, worker: str, body: bytes, status: int, code: str | None
) -> None:
    async with serve(settings_with(workers=worker)) as client:
        answer = await client.post("/api/token", content=body, headers=JSON)
        assert answer.status_code == status
        assert code in (None, refusal(answer))
        refusal(answer)
        assert (await client.post("/api/token", json={"voice": "amy"})).status_code == 201


async def test_a_megabyte_is_refused_unread(serve: Serve) -> None:
    async with serve(settings_with()) as client:
        answer = await client.post("/api/token", content=b" " * 1_000_000, headers=JSON)
    assert answer.status_code == 413
    assert refusal(answer) == "body_too_large"


async def test_a_megabyte_without_a_length_is_cut_off(serve: Serve) -> None:
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 1
            yield b" " * 1000

    async with serve(settings_with()) as client:
        answer = await client.post("/api/token", content=chunks(), headers=JSON)
    assert answer.status_code == 413
    assert refusal(answer) == "body_too_large"
    assert sent < 50


async def test_a_form_of_another_site_cannot_ask_for_a_call(serve: Serve) -> None:
    async with serve(settings_with()) as client:
        answer = await client.post(
            "/api/token", content=b'{"voice": null}', headers={"content-type": "text/plain"}
        )
    assert answer.status_code == 422


async def test_unknown_addresses_and_methods_have_the_same_shape(serve: Serve) -> None:
    async with serve(settings_with()) as client:
        assert refusal(await client.get("/api/nothing")) == "not_found"
        assert refusal(await client.get("/api/token")) == "method_not_allowed"
        assert refusal(await client.get("/%2e%2e/%2e%2e/etc/passwd")) == "not_found"


async def test_an_address_that_asks_too_often_is_told_when_to_come_back(serve: Serve) -> None:
    clock = TurnedClock()
    settings = settings_with(calls_per_minute=6)
    async with serve(settings, address="203.0.113.9", clock=clock) as client:
        for _ in range(6):
            assert (await client.post("/api/token")).status_code == 201
        refused = await client.post("/api/token")
        assert refused.status_code == 429
        assert refusal(refused) == "rate_limited"
        assert refused.headers["retry-after"] == "10"
        clock.now_s += 10
        assert (await client.post("/api/token")).status_code == 201
        assert (await client.post("/api/token")).status_code == 429
