"""Caddy with the Caddyfile of the checkout, on free ports and before servers of a test's own."""

import asyncio
import copy
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from socket import AF_INET
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from testkit.isolated_config import free_ports

NAME = "talk.example.org"


class Upstream:
    """A gateway or LiveKit: says which it is and what it was asked, and echoes on a WebSocket."""

    def __init__(self, name: str, port: int) -> None:
        self.name, self.port = name, port

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port).start()
        try:
            yield
        finally:
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() != "websocket":
            forwarded = request.headers.get("X-Forwarded-For", "")
            return web.json_response({"server": self.name, "forwarded": forwarded})
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data)
        return socket


class _Here(AbstractResolver):
    """Every name is this machine."""

    async def resolve(self, host: str, port: int = 0, family: Any = AF_INET) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host, host="127.0.0.1", port=port, family=AF_INET, proto=0, flags=0
            )
        ]

    async def close(self) -> None:
        pass


class RunningCaddy:
    """`url` is the site's; what it logged is in `log`."""

    def __init__(self, adapted: dict[str, Any], folder: Path) -> None:
        self.gateway, self.livekit, self.chat, *own = free_ports(6)
        self._port, self._signalling, self._admin = own
        self.log = folder / "log"
        self._folder = folder
        self.config = self._moved(adapted)
        self.client: aiohttp.ClientSession

    @property
    def url(self) -> str:
        return f"https://{NAME}:{self._port}"

    @property
    def signalling_url(self) -> str:
        return f"https://{NAME}:{self._signalling}"

    @asynccontextmanager
    async def running(self, program: Path) -> AsyncIterator["RunningCaddy"]:
        file = self._folder / "caddy.json"
        file.write_text(json.dumps(self.config))
        with self.log.open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *(str(program), "run", "--config", str(file)),
                stderr=log,
                env={"HOME": str(self._folder), "XDG_DATA_HOME": str(self._folder)},
            )
        connector = aiohttp.TCPConnector(resolver=_Here(), ssl=False)
        try:
            async with aiohttp.ClientSession(connector=connector) as self.client:
                await self._until_it_answers(process)
                yield self
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()

    async def reload(self, config: dict[str, Any]) -> None:
        async with self.client.post(f"http://127.0.0.1:{self._admin}/load", json=config) as done:
            assert done.status == 200, await done.text()

    async def _until_it_answers(self, process: asyncio.subprocess.Process) -> None:
        async with asyncio.timeout(60):
            while True:
                assert process.returncode is None, self.log.read_text()
                try:
                    async with self.client.get(self.url) as answer:
                        await answer.read()
                        return
                except aiohttp.ClientError:  # another process's state: only asking tells
                    await asyncio.sleep(0.1)

    def _moved(self, adapted: dict[str, Any]) -> dict[str, Any]:
        config = copy.deepcopy(adapted)
        config["admin"]["listen"] = f"127.0.0.1:{self._admin}"
        moved = {":443": self._port, ":8443": self._signalling}
        for server in config["apps"]["http"]["servers"].values():
            server["listen"] = [f"127.0.0.1:{moved[each]}" for each in server["listen"]]
            server["automatic_https"] = {"disable_redirects": True}
            server["protocols"] = ["h1", "h2"]
        authority = {"local": {"install_trust": False}}
        config["apps"]["pki"] = {"certificate_authorities": authority}
        (policy,) = config["apps"]["tls"]["automation"]["policies"]
        policy["issuers"] = [{"module": "internal"}]
        for proxy in proxies(config):
            at = {"livekit": self.livekit, "gateway": self.gateway, "chat": self.chat}
            name = proxy.pop("dynamic_upstreams")["name"]
            proxy["upstreams"] = [{"dial": f"127.0.0.1:{at[name]}"}]
        return config


def proxies(node: Any) -> list[dict[str, Any]]:
    """Every reverse proxy in it."""
    if isinstance(node, list):
        return [found for each in node for found in proxies(each)]
    if not isinstance(node, dict):
        return []
    own = [node] if node.get("handler") == "reverse_proxy" else []
    return own + [found for each in node.values() for found in proxies(each)]
