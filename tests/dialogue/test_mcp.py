"""Tools of MCP servers, against servers that the protocol's own SDK makes."""

import asyncio
import itertools
import json
import logging
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from pydantic import JsonValue

from dialogue.mcp import McpTool, McpTools, RetryPace
from parley.app.mcp import McpServer
from parley.app.tool import ToolError
from parley.errors import ConfigurationError
from testkit.fake_clock_loop import FakeClockLoop

SERVER = Path(__file__).with_name("mcp_server.py")
SOON = RetryPace(first_retry_s=0.05, longest_retry_s=0.4, check_s=0.2, listen_again_s=0.05)
PATIENCE_S = 30.0
TRANSPORTS = [
    pytest.param((kind, era), id=f"{kind}-{era}", marks=pytest.mark.servers)
    for kind in ("stdio", "http")
    for era in ("discovery", "handshake")
]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - of another process, nothing tells
            await asyncio.sleep(0.01)


def runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@dataclass
class Servers:
    """Starts MCP servers, hears what they report, and ends those it started."""

    port: int
    reports: asyncio.Queue[str]
    processes: list[asyncio.subprocess.Process] = field(default_factory=list)

    async def reported(self, word: str) -> str:
        """The rest of the next line that begins with `word`."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                first, _, rest = (await self.reports.get()).partition(" ")
                if first == word:
                    return rest

    def stdio(self, era: str = "discovery", **rest: object) -> McpServer:
        environment = {"REPORTS": str(self.port), "ERA": era, "TOKEN": "s3cr3t-token"}
        command = [sys.executable, str(SERVER)]
        return McpServer(**{"name": "bakery"} | rest, command=command, environment=environment)  # type: ignore[arg-type]

    async def start_http(self, era: str = "discovery", port: int = 0) -> int:
        self.processes.append(
            await asyncio.create_subprocess_exec(
                sys.executable,
                str(SERVER),
                env=os.environ | {"REPORTS": str(self.port), "ERA": era, "PORT": str(port)},
            )
        )
        return int(await self.reported("listening"))

    async def server(self, transport: tuple[str, str], **rest: object) -> McpServer:
        kind, era = transport
        if kind == "stdio":
            return self.stdio(era, **rest)
        return http(await self.start_http(era), **rest)

    async def kill_http(self) -> None:
        process = self.processes.pop()
        process.kill()
        await process.wait()


def http(port: int, **rest: object) -> McpServer:
    return McpServer(
        **{"name": "bakery", "headers": {"Authorization": "Bearer s3cr3t-token"}} | rest,  # type: ignore[arg-type]
        url=f"http://127.0.0.1:{port}/mcp",
    )


@pytest.fixture
async def servers() -> AsyncIterator[Servers]:
    reports: asyncio.Queue[str] = asyncio.Queue()

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            reports.put_nowait(line.decode().strip())
        writer.close()

    listening = await asyncio.start_server(hear, "127.0.0.1", 0)
    started = Servers(listening.sockets[0].getsockname()[1], reports)
    try:
        yield started
    finally:
        while started.processes:
            await started.kill_http()
        listening.close()


@asynccontextmanager
async def connected(*servers: McpServer) -> AsyncIterator[tuple[McpTools, asyncio.Queue[str]]]:
    problems: asyncio.Queue[str] = asyncio.Queue()

    def note(server: str, message: str) -> None:
        problems.put_nowait(f"{server}: {message}")

    async with McpTools(servers, on_problem=note, pace=SOON) as tools:
        assert await tools.ready(PATIENCE_S)
        yield tools, problems


def named(tools: McpTools, name: str) -> McpTool:
    return next(tool for tool in tools.tools() if tool.name == name)


async def run(tools: McpTools, name: str, **arguments: JsonValue) -> str:
    async with asyncio.timeout(PATIENCE_S):
        return await named(tools, name).run(arguments, None)


async def works_again(tools: McpTools) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                assert await run(tools, "add", a=2, b=3) == "5"
                return
            except ToolError:
                await asyncio.sleep(0.02)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_tools_are_listed_filtered_and_called(
    servers: Servers, transport: tuple[str, str]
) -> None:
    server = await servers.server(
        transport,
        tools=["add", "weather", "picture", "fail"],
        needs_approval=["fail"],
        read_only=["weather"],
        says="One moment.",
        timeout_s=7.0,
    )
    async with connected(server) as (tools, problems):
        by_name = {tool.name: tool for tool in tools.tools()}
        assert set(by_name) == {"add", "weather", "picture", "fail"}
        add = by_name["add"]
        assert add.description == "Adds two numbers."
        assert add.schema["required"] == ["a", "b"]
        assert (add.says, add.timeout_s, add.must_finish) == ("One moment.", 7.0, False)
        assert [name for name, tool in by_name.items() if tool.read_only] == ["add", "weather"]
        assert [name for name, tool in by_name.items() if tool.needs_approval] == ["fail"]

        assert await run(tools, "add", a=2, b=3) == "5"
        assert json.loads(await run(tools, "weather", city="Bern")) == {
            "city": "Bern",
            "degrees": 21,
        }
        assert await run(tools, "picture") == "a bicycle\n[image omitted: image/png]"
        with pytest.raises(ToolError, match="the oven is cold"):
            await run(tools, "fail")
        with pytest.raises(ToolError, match="add"):
            await run(tools, "add", a="two")
        assert problems.empty()


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_cancelled_call_returns_at_once_and_the_server_hears_of_it(
    servers: Servers, transport: tuple[str, str]
) -> None:
    async with connected(await servers.server(transport)) as (tools, _):
        call = asyncio.create_task(run(tools, "slow"))
        await servers.reported("slow")
        call.cancel()
        async with asyncio.timeout(60):  # the tool itself never answers
            await asyncio.wait({call})
        assert call.cancelled()
        await servers.reported("cancelled")
        assert await run(tools, "add", a=2, b=3) == "5"


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_tool_offered_later_is_taken_up(servers: Servers, transport: tuple[str, str]) -> None:
    async with connected(await servers.server(transport)) as (tools, _):
        assert "subtract" not in {tool.name for tool in tools.tools()}
        assert await run(tools, "offer_more") == "more"
        await until(lambda: "subtract" in {tool.name for tool in tools.tools()})
        assert await run(tools, "subtract", a=2, b=3) == "-1"


@pytest.mark.parametrize("era", ["discovery", "handshake"])
@pytest.mark.servers
async def test_killed_child_is_told_and_started_again(servers: Servers, era: str) -> None:
    async with connected(servers.stdio(era)) as (tools, problems):
        killed = int(await servers.reported("started"))
        waiting = asyncio.create_task(run(tools, "slow"))
        await servers.reported("slow")
        psutil.Process(killed).kill()
        with pytest.raises(ToolError, match="unavailable at present"):
            await waiting
        assert (await problems.get()).startswith("bakery: it has ended")
        with pytest.raises(ToolError, match="unavailable at present"):
            await run(tools, "add", a=2, b=3)
        await servers.reported("started")
        await works_again(tools)

        with pytest.raises(ToolError, match="unavailable at present"):
            await run(tools, "die")
        await works_again(tools)
        assert problems.qsize() == 1


@pytest.mark.parametrize("era", ["discovery", "handshake"])
@pytest.mark.servers
async def test_dead_http_server_is_told_and_found_again(servers: Servers, era: str) -> None:
    port = await servers.start_http(era)
    async with connected(http(port)) as (tools, problems):
        waiting = asyncio.create_task(run(tools, "slow"))
        await servers.reported("slow")
        await servers.kill_http()
        assert (await problems.get()).startswith("bakery: ")
        with pytest.raises(ToolError, match="unavailable at present"):
            await waiting
        with pytest.raises(ToolError, match="unavailable at present"):
            await run(tools, "add", a=2, b=3)
        assert await servers.start_http(era, port) == port
        await works_again(tools)
        assert problems.empty()


@pytest.mark.servers
async def test_server_that_is_away_at_first_keeps_nobody_waiting(servers: Servers) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    nowhere = McpServer(name="nowhere", command=["parley-no-such-program"])
    async with connected(servers.stdio(), http(port, name="later"), nowhere) as (tools, problems):
        assert await run(tools, "add", a=2, b=3) == "5"
        told = sorted([await problems.get(), await problems.get()])
        assert told[0].startswith("later: ")
        assert told[1] == "nowhere: there is no program 'parley-no-such-program'"
        await servers.start_http(port=port)
        await until(lambda: "later_add" in {tool.name for tool in tools.tools()})
        assert await run(tools, "later_add", a=2, b=3) == "5"
        assert await run(tools, "bakery_add", a=2, b=3) == "5"


@pytest.mark.servers
async def test_server_that_says_nothing_is_given_up(servers: Servers) -> None:
    mute = McpServer(name="mute", command=["sleep", "600"])
    pace = RetryPace(connect_s=0.2, first_retry_s=0.05)
    problems: asyncio.Queue[str] = asyncio.Queue()
    async with McpTools(
        [mute], pace=pace, on_problem=lambda name, message: problems.put_nowait(message)
    ) as tools:
        assert not await tools.ready(0)
        assert await tools.ready(PATIENCE_S)
        assert await problems.get() == "it did not answer in time"


@pytest.mark.parametrize("cancelled", [False, True])
@pytest.mark.servers
async def test_no_process_is_left_after_close(servers: Servers, cancelled: bool) -> None:
    tools = McpTools([servers.stdio()], pace=SOON)
    tools.start()
    assert await tools.ready(PATIENCE_S)
    child = int(await servers.reported("started"))
    grandchild = int(await run(tools, "start_child"))
    slow = asyncio.create_task(run(tools, "slow"))
    await servers.reported("slow")

    closing = asyncio.create_task(tools.aclose())
    if cancelled:
        await asyncio.sleep(0)  # into the close
        closing.cancel()
    await asyncio.wait({closing})
    assert closing.cancelled() is cancelled
    assert not runs(child)
    await until(lambda: not runs(grandchild))  # SIGKILL is sent; the kernel carries it out
    with pytest.raises(ToolError, match="unavailable at present"):
        await slow


@pytest.mark.servers
async def test_killed_child_leaves_none_of_its_own(servers: Servers) -> None:
    async with connected(servers.stdio()) as (tools, problems):
        grandchild = int(await run(tools, "start_child"))
        with pytest.raises(ToolError):
            await run(tools, "die")
        await problems.get()
        await until(lambda: not runs(grandchild))


@pytest.mark.servers
async def test_child_gets_only_what_it_is_given_and_its_log_is_ours(
    servers: Servers, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "not for servers")
    caplog.set_level(logging.DEBUG, logger="dialogue")
    async with connected(servers.stdio()) as (tools, _):
        names = json.loads(await run(tools, "environment"))["names"]
        assert set(names) - {"LC_CTYPE"} == {"PATH", "HOME", "REPORTS", "ERA", "TOKEN"}
        await until(lambda: "hello from the log, token …" in caplog.text)
        lines = [r for r in caplog.records if "hello from the log" in r.getMessage()]
        assert [line.levelno for line in lines] == [logging.DEBUG]


@pytest.mark.servers
async def test_no_secret_in_logs_or_errors(
    servers: Servers, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    port = await servers.start_http()
    async with connected(http(port)) as (tools, problems):
        assert await run(tools, "add", a=2, b=3) == "5"
        await servers.kill_http()
        assert "s3cr3t" not in await problems.get()
        assert "s3cr3t" not in caplog.text  # that of the SDK and of HTTP as well
        await servers.start_http(port=port)
        await works_again(tools)
        assert await run(tools, "authorization") == "Bearer s3cr3t-token"
        with pytest.raises(ToolError, match="input_value='…'"):
            await run(tools, "add", a="s3cr3t-token", b=1)


@pytest.mark.servers
async def test_refused_request_is_told_with_its_status(servers: Servers) -> None:
    port = await servers.start_http()
    wrong = McpServer(name="wrong", url=f"http://127.0.0.1:{port}/elsewhere")
    async with connected(wrong) as (tools, problems):
        assert await problems.get() == "wrong: it answered HTTP 404 Not Found"
        assert tools.tools() == ()


def test_server_that_stays_away_is_tried_more_and_more_seldom(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, logger="dialogue")
    tried_s: list[float] = []

    class Tried(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            tried_s.append(asyncio.get_running_loop().time())

    async def stay_away() -> None:
        loop = asyncio.get_running_loop()
        nowhere = McpServer(name="nowhere", command=["parley-no-such-program"])
        problems: list[str] = []
        async with McpTools(
            [nowhere], clock=loop.time, on_problem=lambda name, message: problems.append(message)
        ):
            await asyncio.sleep(95)
        assert len(problems) == 1

    handler = Tried()
    logging.getLogger("dialogue.mcp").addHandler(handler)
    try:
        with asyncio.Runner(loop_factory=FakeClockLoop) as runner:
            runner.run(stay_away())
    finally:
        logging.getLogger("dialogue.mcp").removeHandler(handler)
    waits_s = [round(b - a, 1) for a, b in itertools.pairwise(tried_s)]
    assert waits_s == [0.5, 1, 2, 4, 8, 16, 30, 30]


def test_two_servers_of_one_name_are_refused() -> None:
    server = McpServer(name="twin", command=["true"])
    with pytest.raises(ConfigurationError, match="twin"):
        McpTools([server, server])
