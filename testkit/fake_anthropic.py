"""Anthropic's Messages API on a real socket: it streams what a script tells it to."""

import asyncio
import json
import uuid
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from testkit.fake_llm import FakeLlm, ScriptedAnswer, arguments_in_pieces, pieces_of

STATUS_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    404: "not_found_error",
    429: "rate_limit_error",
    529: "overloaded_error",
}


@dataclass
class FakeAnthropic(FakeLlm):
    """Scripts see the messages as this API has them."""

    headers: list[Mapping[str, str]] = field(default_factory=list)
    """Of each request."""
    fails_within: Mapping[str, str] | None = None
    """An error that comes as an event after the text: `type` and `message`."""

    async def complete(self, request: web.Request) -> web.StreamResponse:
        self.headers.append(dict(request.headers))
        return await super().complete(request)

    async def _answer(
        self, request: web.Request, body: dict[str, Any], answer: ScriptedAnswer
    ) -> web.StreamResponse:
        if answer.silent:
            await asyncio.Event().wait()
        await asyncio.sleep(answer.first_after_s)
        if answer.once is not None:
            await answer.once.wait()
        if answer.status != 200:
            kind = STATUS_KINDS.get(answer.status, "api_error")
            error = {"type": "error", "error": {"type": kind, **answer.error}}
            return web.json_response(error, status=answer.status)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        given, made = answer.usage or (0, 0)
        usage = {"input_tokens": given, "output_tokens": 1}
        await _send(response, "message_start", message={"id": "msg_1", "usage": usage})
        await _send(response, "ping")
        index = 0
        if answer.reasoning:
            await _send_block(response, index, {"type": "thinking"})
            delta = {"type": "thinking_delta", "thinking": answer.reasoning}
            await _send(response, "content_block_delta", index=index, delta=delta)
            index += 1
        for place, piece in enumerate(pieces_of(answer)):
            if place == answer.breaks_off_after:
                assert request.transport is not None
                request.transport.abort()
                return response
            if place:
                await asyncio.sleep(answer.word_delay_s)
            else:
                await _send_block(response, index, {"type": "text", "text": ""})
            delta = {"type": "text_delta", "text": piece}
            await _send(response, "content_block_delta", index=index, delta=delta)
        if self.fails_within is not None:
            await _send(response, "error", error=dict(self.fails_within))
            return response
        await self._send_calls(response, answer, index + 1)
        reason = answer.finish_reason or ("tool_use" if answer.calls else "end_turn")
        await _send(
            response,
            "message_delta",
            delta={"stop_reason": reason},
            usage={"output_tokens": made},
        )
        await _send(response, "message_stop")
        return response

    async def _send_calls(
        self, response: web.StreamResponse, answer: ScriptedAnswer, index: int
    ) -> None:
        for call in answer.calls:
            call_id = call.id or f"toolu_{uuid.uuid4().hex[:12]}"
            block = {"type": "tool_use", "id": call_id, "name": call.name, "input": {}}
            await _send_block(response, index, block)
            for piece in arguments_in_pieces(call):
                delta = {"type": "input_json_delta", "partial_json": piece}
                await _send(response, "content_block_delta", index=index, delta=delta)
            await _send(response, "content_block_stop", index=index)
            index += 1


@asynccontextmanager
async def anthropic_serving(fake: FakeAnthropic) -> AsyncGenerator[str]:
    """Serves it on a free port; yields its address."""

    async def models(request: web.Request) -> web.Response:
        fake.headers.append(dict(request.headers))
        if (answer := fake.script([])).status != 200:
            return web.json_response({"error": dict(answer.error)}, status=answer.status)
        return web.json_response({"data": [{"id": name} for name in fake.models]})

    app = web.Application()
    app.add_routes([web.post("/v1/messages", fake.complete), web.get("/v1/models", models)])
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def _send_block(response: web.StreamResponse, index: int, block: dict[str, Any]) -> None:
    await _send(response, "content_block_start", index=index, content_block=block)


async def _send(response: web.StreamResponse, kind: str, **content: Any) -> None:
    event = json.dumps({"type": kind, **content})
    await response.write(f"event: {kind}\ndata: {event}\n\n".encode())
