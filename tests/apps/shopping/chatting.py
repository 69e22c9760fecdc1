"""A chat server on a socket, and a client that says what a script tells it to."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from pydantic import SecretStr
from websockets.asyncio.client import ClientConnection, connect

from apps.shopping import agent as shopping_agent
from gateway.chat.app import create_chat_app
from parley import Agent
from parley.settings.chat import ChatSection
from parley.settings.orchestrator import LlmSection, OrchestratorSettings

WITHIN_S = 60.0
Frame = dict[str, Any]


def chat_settings(llm_url: str = "", *, debug: bool = True) -> OrchestratorSettings:
    llm = (
        LlmSection(base_url=llm_url, api_key=SecretStr("k"), model="fake")
        if llm_url
        else LlmSection()
    )
    return OrchestratorSettings(llm=llm, chat=ChatSection(debug=debug))


@dataclass
class ChatServer:
    """Where it listens: host:port."""

    address: str

    @property
    def http(self) -> str:
        return f"http://{self.address}"

    @asynccontextmanager
    async def talking(self, user: str = "ann", session: str = "") -> AsyncGenerator["Talker"]:
        url = f"ws://{self.address}/ws/chat?user_id={user}"
        url += f"&session_id={session}" if session else ""
        async with connect(url, open_timeout=WITHIN_S) as connection:
            yield Talker(connection)


@dataclass
class Talker:
    """A client; `frames` are all that it got."""

    connection: ClientConnection
    frames: list[Frame] = field(default_factory=list)

    async def next(self) -> Frame:
        async with asyncio.timeout(WITHIN_S):
            got: Frame = json.loads(await self.connection.recv())
        self.frames.append(got)
        return got

    async def until(self, *kinds: str) -> list[Frame]:
        """The frames up to the first of these kinds."""
        got = [await self.next()]
        while got[-1]["type"] not in kinds:
            got.append(await self.next())
        return got

    async def send(self, text: str, media: list[dict[str, Any]] | None = None) -> None:
        message = {"type": "message", "message": text, "media": media or []}
        await self.connection.send(json.dumps(message))

    async def say(self, text: str, media: list[dict[str, Any]] | None = None) -> list[Frame]:
        """The frames of the answer."""
        await self.send(text, media)
        return await self.until("done", "clarification", "error")

    async def closed(self) -> int:
        """The code that the server closes with."""
        async with asyncio.timeout(WITHIN_S):
            await self.connection.wait_closed()
        assert self.connection.close_code is not None
        return self.connection.close_code


@asynccontextmanager
async def chat_server(
    settings: OrchestratorSettings | None = None, agent: Agent = shopping_agent
) -> AsyncGenerator[ChatServer]:
    app = create_chat_app(settings or chat_settings(), load=lambda: agent)
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, ws="websockets-sansio", log_config=None, lifespan="on"
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(WITHIN_S):
            while not server.started:
                assert not serving.done(), "the chat server has not started"
                await asyncio.sleep(0.01)
        host, port = server.servers[0].sockets[0].getsockname()
        yield ChatServer(f"{host}:{port}")
    finally:
        server.should_exit = True
        await serving


def kinds(frames: list[Frame]) -> list[str]:
    """The kinds in their order, the same one after another once."""
    found: list[str] = []
    for frame in frames:
        if not found or found[-1] != frame["type"]:
            found.append(frame["type"])
    return found


def one(frames: list[Frame], kind: str) -> Any:
    """The data of the only frame of the kind."""
    (found,) = [frame["data"] for frame in frames if frame["type"] == kind]
    return found
