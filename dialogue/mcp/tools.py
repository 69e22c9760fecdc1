"""The tools of all MCP servers of an agent, by the names that its model calls them."""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from mcp import MCPError
from mcp.client import InputRequiredRoundsExceededError
from mcp_types import REQUEST_TIMEOUT, CallToolResult, Tool
from pydantic import JsonValue, ValidationError

from dialogue.mcp.connection import Connection, RetryPace
from dialogue.mcp.content import result_text
from parley.app.mcp import McpServer
from parley.app.tool import ToolError
from parley.clock import Clock, monotonic
from parley.errors import ConfigurationError

NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_-]")
LONGEST_NAME = 64
"""Characters; with the above what the chat completions API takes for a name."""
CLOSE_S = 4.0
"""For every server to end in its own time; then it is ended at once."""
CANCEL_AGAIN_AFTER_S = 0.2


@dataclass(frozen=True, eq=False, kw_only=True)
class McpTool:
    """A tool as the model sees it; it stays callable while its server is away, and says so."""

    name: str
    description: str
    schema: dict[str, JsonValue]
    """JSON schema of the arguments."""
    says: str | None
    read_only: bool
    needs_approval: bool
    timeout_s: float
    connection: Connection
    remote_name: str
    """What the server calls it."""
    calls: "_Calls"
    must_finish: bool = False

    async def run(self, arguments: dict[str, JsonValue], context: object) -> str:
        """What the tool answered; cancelling it tells the server, and waits for nothing.

        Raises ToolError where the tool says that it failed, or its server is away.
        """
        client = self.connection.client
        if client is None:
            raise self._unavailable()
        call = self.calls.start(
            client.call_tool(self.remote_name, arguments, read_timeout_seconds=self.timeout_s)
        )
        try:
            await asyncio.wait({call})
        finally:
            # The SDK tells the server then; it may wait for a full pipe, and we do not.
            call.cancel()
        if call.cancelled():
            raise self._unavailable()
        try:
            result = call.result()
        except MCPError as error:
            raise self._failed(error) from None
        except (RuntimeError, ValidationError, InputRequiredRoundsExceededError) as error:
            why = self.connection.redacted(str(error))
            raise ToolError(f"{self.name} gave no valid answer: {why}") from error
        text = result_text(result)
        if result.is_error:
            raise ToolError(self.connection.redacted(text) or f"{self.name} failed")
        return text

    def _failed(self, error: MCPError) -> ToolError:
        # Whether it is the call or the server that failed, listing the tools shows.
        self.connection.check()
        if error.code == REQUEST_TIMEOUT:
            return ToolError(f"{self.name} did not answer within {self.timeout_s:g} seconds")
        if self.connection.gone(error):
            return self._unavailable()
        return ToolError(f"{self.name} failed: {self.connection.redacted(error.message)}")

    def _unavailable(self) -> ToolError:
        return ToolError(
            f"{self.name} is unavailable at present: "
            f"the server {self.connection.server.name!r} cannot be reached"
        )


class McpTools:
    """Holds the connections of one session to the MCP servers of its agent.

    `on_problem` is told a server's name and what is wrong, once each time it is lost. Each
    connection lives in a task of its own: the SDK's scopes are left in the task that entered them.

    Raises ConfigurationError for two servers of one name.
    """

    def __init__(
        self,
        servers: Sequence[McpServer],
        *,
        on_problem: Callable[[str, str], None] = lambda server, message: None,
        pace: RetryPace | None = None,
        clock: Clock = monotonic,
    ) -> None:
        names = [server.name for server in servers]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ConfigurationError(f"two MCP servers are called {', '.join(sorted(twice))}")
        self._connections = tuple(
            Connection(
                server,
                on_change=self._name_tools,
                on_problem=on_problem,
                pace=pace or RetryPace(),
                clock=clock,
            )
            for server in servers
        )
        self._calls = _Calls()
        self._tasks: list[asyncio.Task[None]] = []
        self._tools: tuple[McpTool, ...] = ()

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    def start(self) -> None:
        """Begins to connect to all servers at once, and waits for none."""
        self._tasks += [
            asyncio.create_task(connection.run(), name=f"mcp {connection.server.name}")
            for connection in self._connections
        ]

    async def ready(self, timeout_s: float) -> bool:
        """Whether every server was reached, or found to be away, within `timeout_s` seconds."""
        tried = [asyncio.create_task(c.tried.wait()) for c in self._connections]
        if not tried:
            return True
        try:
            _, pending = await asyncio.wait(tried, timeout=timeout_s)
            return not pending
        finally:
            for waiting in tried:
                waiting.cancel()

    def tools(self) -> tuple[McpTool, ...]:
        """What may be called now, servers that are away included; the same until it changes."""
        return self._tools

    async def aclose(self) -> None:
        """Cancels the calls that run, disconnects, and ends every child process."""
        for connection in self._connections:
            connection.closing = True
        tasks = {*self._tasks, *self._calls.running}
        grace_s = CLOSE_S
        cancelled: asyncio.CancelledError | None = None
        while running := {task for task in tasks if not task.done()}:
            for task in running:
                task.cancel()
            try:
                await asyncio.wait(running, timeout=grace_s)
            except asyncio.CancelledError as error:
                cancelled = error  # no child is left: the second cancellation ends it at once
            grace_s = CANCEL_AGAIN_AFTER_S
        self._tasks.clear()
        if cancelled is not None:
            raise cancelled

    def _name_tools(self) -> None:
        offered = [
            (connection, tool)
            for connection in self._connections
            for tool in connection.listed
            if connection.server.tools is None or tool.name in connection.server.tools
        ]
        times = Counter(_allowed(tool.name) for _, tool in offered)
        self._tools = tuple(
            self._tool(connection, tool, prefixed=times[_allowed(tool.name)] > 1)
            for connection, tool in offered
        )

    def _tool(self, connection: Connection, tool: Tool, *, prefixed: bool) -> McpTool:
        server = connection.server
        name = f"{server.name}_{tool.name}" if prefixed else tool.name
        hint = tool.annotations is not None and tool.annotations.read_only_hint is True
        return McpTool(
            name=_allowed(name),
            description=tool.description or tool.title or tool.name,
            schema={"properties": {}, **tool.input_schema},
            says=server.says,
            read_only=hint or tool.name in server.read_only,
            needs_approval=tool.name in server.needs_approval,
            timeout_s=server.timeout_s,
            connection=connection,
            remote_name=tool.name,
            calls=self._calls,
        )


def _allowed(name: str) -> str:
    return NOT_IN_NAMES.sub("_", name)[:LONGEST_NAME]


class _Calls:
    """The calls that run; who cancelled one does not wait for it, so somebody keeps it."""

    def __init__(self) -> None:
        self.running: set[asyncio.Task[CallToolResult]] = set()

    def start(
        self, call: Coroutine[object, object, CallToolResult]
    ) -> asyncio.Task[CallToolResult]:
        task = asyncio.create_task(call, name="mcp call")
        self.running.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[CallToolResult]) -> None:
        self.running.discard(task)
        if not task.cancelled():
            task.exception()  # seen: who called has it, or has gone
