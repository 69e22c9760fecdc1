"""Bedrock's Converse API on a real socket: it streams what a script tells it to."""

import asyncio
import json
import struct
import uuid
import zlib
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from testkit.fake_llm import FakeLlm, ScriptedAnswer, arguments_in_pieces, pieces_of


@dataclass(frozen=True)
class BedrockRequest:
    """As it came over the wire."""

    raw_path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class FakeBedrock(FakeLlm):
    """Scripts see the messages as this API has them."""

    received_requests: list[BedrockRequest] = field(default_factory=list)
    fails_within: tuple[str, str] | None = None
    """An exception that comes within the stream, after the text: its type and message."""

    async def complete(self, request: web.Request) -> web.StreamResponse:
        self.received_requests.append(
            BedrockRequest(request.raw_path, dict(request.headers), await request.read())
        )
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
            return web.json_response(dict(answer.error), status=answer.status)
        if not request.path.endswith("/converse-stream"):
            message = {"role": "assistant", "content": [{"text": answer.text}]}
            return web.json_response({"output": {"message": message}, "stopReason": "end_turn"})
        kind = "application/vnd.amazon.eventstream"
        response = web.StreamResponse(headers={"Content-Type": kind})
        await response.prepare(request)
        await _send(response, "messageStart", role="assistant")
        if answer.reasoning:
            delta = {"reasoningContent": {"text": answer.reasoning}}
            await _send(response, "contentBlockDelta", contentBlockIndex=0, delta=delta)
        for place, piece in enumerate(pieces_of(answer)):
            if place == answer.breaks_off_after:
                assert request.transport is not None
                request.transport.abort()
                return response
            if place:
                await asyncio.sleep(answer.word_delay_s)
            await _send(response, "contentBlockDelta", contentBlockIndex=1, delta={"text": piece})
        if self.fails_within is not None:
            exception, text = self.fails_within
            await _send_exception(response, exception, text)
            return response
        for index, call in enumerate(answer.calls, start=2):
            use = {"toolUseId": call.id or f"tooluse_{uuid.uuid4().hex[:12]}", "name": call.name}
            start = {"toolUse": use}
            await _send(response, "contentBlockStart", contentBlockIndex=index, start=start)
            for piece in arguments_in_pieces(call):
                delta = {"toolUse": {"input": piece}}
                await _send(response, "contentBlockDelta", contentBlockIndex=index, delta=delta)
            await _send(response, "contentBlockStop", contentBlockIndex=index)
        reason = answer.finish_reason or ("tool_use" if answer.calls else "end_turn")
        await _send(response, "messageStop", stopReason=reason)
        if answer.usage is not None:
            given, made = answer.usage
            await _send(response, "metadata", usage={"inputTokens": given, "outputTokens": made})
        return response


@asynccontextmanager
async def bedrock_serving(fake: FakeBedrock) -> AsyncGenerator[str]:
    """Serves it on a free port; yields its address."""
    app = web.Application()
    app.add_routes(
        [
            web.post("/model/{model}/converse-stream", fake.complete),
            web.post("/model/{model}/converse", fake.complete),
        ]
    )
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def encoded(headers: Mapping[str, str], payload: bytes) -> bytes:
    """A message of AWS's event stream, whose headers are text."""
    written = b""
    for name, value in headers.items():
        written += struct.pack("!B", len(name)) + name.encode()
        written += struct.pack("!BH", 7, len(value.encode())) + value.encode()
    lengths = struct.pack("!II", 12 + len(written) + len(payload) + 4, len(written))
    message = lengths + struct.pack("!I", zlib.crc32(lengths)) + written + payload
    return message + struct.pack("!I", zlib.crc32(message))


async def _send(response: web.StreamResponse, kind: str, **content: Any) -> None:
    headers = {
        ":event-type": kind,
        ":content-type": "application/json",
        ":message-type": "event",
    }
    await response.write(encoded(headers, json.dumps(content).encode()))


async def _send_exception(response: web.StreamResponse, kind: str, text: str) -> None:
    headers = {
        ":exception-type": kind,
        ":content-type": "application/json",
        ":message-type": "exception",
    }
    await response.write(encoded(headers, json.dumps({"message": text}).encode()))
