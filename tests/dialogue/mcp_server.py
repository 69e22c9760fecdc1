"""An MCP server made with the protocol's own SDK: a child process of the tests.

Tells the port in REPORTS what happens to it, a line each. Speaks streamable HTTP where PORT is set
(0: a free one), else MCP on its standard streams. With ERA=handshake it knows only the protocol's
versions that begin with `initialize`.
"""

import asyncio
import os
import socket
import subprocess
import sys
from typing import Any

import anyio
import uvicorn
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.runner import serve_loop
from mcp.server.stdio import stdio_server
from mcp_types import ImageContent, TextContent, ToolAnnotations
from pydantic import BaseModel
from starlette.types import ASGIApp, Receive, Scope, Send

_reports = socket.create_connection(("127.0.0.1", int(os.environ["REPORTS"])))
_started: list[subprocess.Popen[bytes]] = []


def report(line: str) -> None:
    _reports.sendall(line.encode() + b"\n")


class Weather(BaseModel):
    """What the structured tool returns."""

    city: str
    degrees: int


async def add(a: int, b: int) -> str:
    """Adds two numbers."""
    return str(a + b)


async def weather(city: str) -> Weather:
    """The weather of a city."""
    return Weather(city=city, degrees=21)


async def slow() -> str:
    """Never answers."""
    report("slow")
    try:
        await anyio.sleep_forever()
    except anyio.get_cancelled_exc_class():
        report("cancelled")
        raise
    return ""


async def fail() -> str:
    """Says that it failed."""
    raise ToolError("the oven is cold")


async def die() -> str:
    """Ends the process without a word."""
    os._exit(3)


async def picture() -> list[TextContent | ImageContent]:
    """A text and an image."""
    return [
        TextContent(text="a bicycle"),
        ImageContent(data="aGVsbG8=", mime_type="image/png"),
    ]


def start_child() -> str:
    """Starts a process that outlives this one unless somebody ends it; its id."""
    _started.append(subprocess.Popen(["sleep", "600"]))
    return str(_started[-1].pid)


async def environment() -> dict[str, Any]:
    """The names of this process's environment, and its id."""
    print("hello from the log, token", os.environ.get("TOKEN"), file=sys.stderr, flush=True)
    return {"names": sorted(os.environ), "pid": os.getpid()}


async def subtract(a: int, b: int) -> str:
    """Subtracts; offered once somebody has called `offer_more`."""
    return str(a - b)


async def authorization(context: Context[Any]) -> str:
    """The header that came with the request."""
    return (context.headers or {}).get("authorization", "")


def make_server() -> MCPServer[Any]:
    server: MCPServer[Any] = MCPServer("bakery")
    server.add_tool(add, annotations=ToolAnnotations(read_only_hint=True))
    for function in (weather, slow, fail, die, picture, start_child, environment, authorization):
        server.add_tool(function)

    async def offer_more(context: Context[Any]) -> str:
        """Offers `subtract` as well."""
        server.add_tool(subtract)
        await context.notify_tools_changed()
        await context.session.send_tool_list_changed()
        return "more"

    server.add_tool(offer_more)
    return server


def before_discovery_http(app: ASGIApp) -> ASGIApp:
    """Refuses the newer versions as an older server does: HTTP 400 without a message."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope.get("headers", ()))
        if headers.get(b"mcp-protocol-version", b"").startswith(b"2026"):
            await send({"type": "http.response.start", "status": 400, "headers": []})
            await send({"type": "http.response.body", "body": b"Unsupported protocol version"})
            return
        await app(scope, receive, send)

    return answer


async def serve_stdio() -> None:
    server = make_server()
    if os.environ.get("ERA") != "handshake":
        await server.run_stdio_async()
        return
    async with stdio_server() as (received, sent):
        await serve_loop(server._lowlevel_server, received, sent, lifespan_state={})


async def serve_http(port: int) -> None:
    app: ASGIApp = make_server().streamable_http_app()
    if os.environ.get("ERA") == "handshake":
        app = before_discovery_http(app)
    with socket.create_server(("127.0.0.1", port)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        report(f"listening {listening.getsockname()[1]}")
        await server.serve(sockets=[listening])


if __name__ == "__main__":
    if "PORT" in os.environ:
        asyncio.run(serve_http(int(os.environ["PORT"])))
    else:
        report(f"started {os.getpid()}")
        asyncio.run(serve_stdio())
