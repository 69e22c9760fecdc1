"""What a caller learns of a gateway that refuses it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from caller.access import request_access
from caller.errors import CallError, CallRefusedError


@asynccontextmanager
async def refusing(body: str, status: int, **headers: str) -> AsyncIterator[str]:
    async def token(_: web.Request) -> web.Response:
        return web.Response(text=body, status=status, headers=headers)

    app = web.Application()
    app.router.add_post("/api/token", token)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield "http://{}:{}".format(*runner.addresses[0][:2])
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("status", "code", "wants_room"),
    [
        (503, "at_capacity", True),
        (503, "no_agent", True),
        (503, "speech_unavailable", False),
        (429, "rate_limited", False),
    ],
)
async def test_a_refusal_says_why_and_when_to_return(
    status: int, code: str, wants_room: bool
) -> None:
    body = f'{{"error": {{"code": "{code}", "message": "not now"}}}}'
    async with refusing(body, status, **{"Retry-After": "3"}) as gateway:
        with pytest.raises(CallRefusedError, match="refused the call: not now") as refused:
            await request_access(gateway)
    assert (refused.value.code, refused.value.wants_room) == (code, wants_room)
    assert refused.value.retry_after_s == 3.0


@pytest.mark.parametrize("body", ["", "<html>", "[]", '{"error": "x"}', '{"error": {}}'])
async def test_a_refusal_in_another_shape_is_one_still(body: str) -> None:
    async with refusing(body, 502, **{"Retry-After": "Thu, 01 Jan 1970"}) as gateway:
        with pytest.raises(CallRefusedError) as refused:
            await request_access(gateway)
    assert (refused.value.code, refused.value.retry_after_s) == ("", None)
    assert not refused.value.wants_room


async def test_a_gateway_that_is_away_has_refused_nothing() -> None:
    with pytest.raises(CallError, match="does not answer") as failed:
        await request_access("http://127.0.0.1:1")
    assert not isinstance(failed.value, CallRefusedError)
