"""The gateway's token API on a real socket, with an echo agent dispatched into each room."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from tests.caller.echo import EchoAgent, echo_agent
from tests.caller.livekit import LiveKit


@dataclass
class FakeGateway:
    """`agent_delay_s` None: nobody comes. `refusal`: the message with which every call is
    refused."""

    livekit: LiveKit
    agent_delay_s: float | None = 2.0
    understood: str = "a burst of noise"
    answer: str = "noise it is"
    gain: float = 1.0
    refusal: str = ""

    url: str = ""
    rooms: list[str] = field(default_factory=list)
    agents: list[EchoAgent] = field(default_factory=list)
    wishes: list[object] = field(default_factory=list)
    speech_heard: asyncio.Event = field(default_factory=asyncio.Event)
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def token(self, request: web.Request) -> web.Response:
        self.wishes.append(await request.json())
        if self.refusal:
            error = {"code": "unknown_voice", "message": self.refusal}
            return web.json_response({"error": error}, status=422)
        room = f"parley-{uuid.uuid4().hex}"
        self.rooms.append(room)
        if self.agent_delay_s is not None:
            agent = await self.stack.enter_async_context(
                echo_agent(
                    self.livekit,
                    room,
                    delay_s=self.agent_delay_s,
                    greeting_s=0.4,
                    understood=self.understood,
                    answer=self.answer,
                )
            )
            agent.gain, agent.speech_heard = self.gain, self.speech_heard
            self.agents.append(agent)
        token = self.livekit.token("caller-1", room)
        answer = {"url": self.livekit.url, "token": token, "room": room, "identity": "caller-1"}
        return web.json_response(answer)


@asynccontextmanager
async def serving(gateway: FakeGateway) -> AsyncIterator[FakeGateway]:
    app = web.Application()
    app.router.add_post("/api/token", gateway.token)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    gateway.url = f"http://{host}:{port}"
    try:
        async with gateway.stack:
            yield gateway
    finally:
        await runner.cleanup()
