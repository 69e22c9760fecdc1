"""Who is told of calls: a server that checks signatures as Standard Webhooks asks for."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

SECRET = "whsec_" + base64.b64encode(b"an operator's secret, of 32 byte").decode()


@dataclass
class Receiver:
    """Answers with `answers` first, then with 204."""

    answers: list[int] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    """Those whose signature was right, and that were taken."""
    attempts: list[str] = field(default_factory=list)
    """Ids of the events, as they came."""
    refused: int = 0
    """Of a wrong signature."""
    url: str = ""

    async def post(self, request: web.Request) -> web.Response:
        body = await request.read()
        event_id, at_s = request.headers["webhook-id"], request.headers["webhook-timestamp"]
        self.attempts.append(event_id)
        key = base64.b64decode(SECRET.removeprefix("whsec_"))
        digest = hmac.new(key, f"{event_id}.{at_s}.".encode() + body, hashlib.sha256).digest()
        if request.headers.get("webhook-signature") != f"v1,{base64.b64encode(digest).decode()}":
            self.refused += 1
            return web.Response(status=401)
        if self.answers:
            headers = {"location": self.url}
            return web.Response(status=self.answers.pop(0), headers=headers)
        self.events.append(json.loads(body))
        return web.Response(status=204)


@asynccontextmanager
async def receiving(*answers: int, at_port: int = 0) -> AsyncIterator[Receiver]:
    """A receiver at its `url`, for as long as the block lasts."""
    receiver = Receiver(list(answers))
    app = web.Application()
    app.router.add_post("/", receiver.post)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", at_port)
    await site.start()
    host, port = runner.addresses[0][:2]
    receiver.url = f"http://{host}:{port}/"
    try:
        yield receiver
    finally:
        await runner.cleanup()
