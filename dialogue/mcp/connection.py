"""One MCP server: connected, listed, watched, and connected again when it is lost."""

import asyncio
import logging
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import anyio
import httpx2
from mcp import MCPError
from mcp.client import Client, IncomingMessage, Transport
from mcp.client._transport import TransportStreams
from mcp.client.streamable_http import streamable_http_client
from mcp.client.subscriptions import SubscriptionLost
from mcp_types import (
    CONNECTION_CLOSED,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    Implementation,
    Tool,
    ToolListChangedNotification,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from dialogue.mcp.stdio import stdio_transport
from parley.app.mcp import McpServer
from parley.clock import Clock, monotonic

_log = logging.getLogger(__name__)

MOST_PAGES = 100
"""Of one listing: a server whose pages never end does not hold us."""
SHORTEST_SECRET = 8
"""Characters; a shorter value would cut ordinary words out of messages."""


@dataclass(frozen=True, kw_only=True)
class RetryPace:
    """How long things may take, and how often they are tried, in seconds."""

    connect_s: float = 30.0
    """For the handshake and the first listing. The SDK gives an older server 10 s of it to say
    that it does not know the newer handshake."""
    list_s: float = 10.0
    first_retry_s: float = 0.5
    longest_retry_s: float = 30.0
    """The wait doubles up to this; a connection that lasted as long starts it anew."""
    check_s: float = 30.0
    """How often a server is listed that is reached by HTTP and streams no changes."""
    listen_again_s: float = 1.0


class Connection:
    """Keeps one server connected for as long as `run` runs."""

    def __init__(
        self,
        server: McpServer,
        *,
        on_change: Callable[[], None],
        on_problem: Callable[[str, str], None],
        pace: RetryPace,
        clock: Clock = monotonic,
    ) -> None:
        self.server = server
        self.listed: tuple[Tool, ...] = ()
        """What the server offered last; kept while it is away."""
        self.client: Client | None = None
        """None while the server is away."""
        self.tried = asyncio.Event()
        """Set once the server has been reached, or has not been at the first attempt."""
        self.closing = False
        self._on_change = on_change
        self._on_problem = on_problem
        self._pace = pace
        self._clock = clock
        self._stale = asyncio.Event()
        self._streams_changes = False
        self._told = False
        self._refused = ""

    def check(self) -> None:
        """Has the tools listed again, which shows whether a server reached by HTTP is there.

        A child process needs none: that it has ended is seen, and one that is busy is let be.
        """
        if self.server.url:
            self._stale.set()

    def gone(self, error: MCPError) -> bool:
        """Whether the error of a call says that the server is not there, or knows us no more."""
        return (
            self.client is None
            or error.code == CONNECTION_CLOSED
            or (error.code == INVALID_REQUEST and error.message == "Session terminated")
        )

    async def run(self) -> None:
        """Connects, and again whenever the connection is lost, until it is cancelled."""
        wait_s = self._pace.first_retry_s
        while not self.closing:
            began_s = self._clock()
            try:
                await self._connected_once()
            # Whatever a server or a transport raises, the session goes on and tries again.
            except Exception as error:
                if not self.closing:
                    self._lost(error)
            finally:
                self.tried.set()
            # A cancellation that comes with an error is lost in the SDK's task groups.
            if self.closing:
                return
            if self._clock() - began_s >= self._pace.longest_retry_s:
                wait_s = self._pace.first_retry_s
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, self._pace.longest_retry_s)

    async def _connected_once(self) -> None:
        self._stale.clear()
        self._refused = ""
        async with AsyncExitStack() as stack:
            async with asyncio.timeout(self._pace.connect_s):
                client = await stack.enter_async_context(
                    Client(
                        self._transport(),
                        cache=None,
                        client_info=Implementation(name="parley", version="1"),
                        message_handler=self._received,
                    )
                )
                await self._list(client)
            self.client = client
            try:
                if self._told:
                    _log.info("MCP server %r is back", self.server.name)
                    self._told = False
                self.tried.set()
                async with anyio.create_task_group() as watching:
                    watching.start_soon(self._listen, client)
                    watching.start_soon(self._list_when_stale, client)
            finally:
                self.client = None

    def _transport(self) -> Transport:
        if self.server.command:
            return self._process()
        return self._http()

    @asynccontextmanager
    async def _process(self) -> AsyncIterator[TransportStreams]:
        command = list(self.server.command)
        if shutil.which(command[0]) is None:
            raise FileNotFoundError(f"there is no program {command[0]!r}")
        async with stdio_transport(command, self.server.environment, self._log_line) as streams:
            yield streams

    @asynccontextmanager
    async def _http(self) -> AsyncIterator[TransportStreams]:
        async def note_refusal(response: httpx2.Response) -> None:
            if response.status_code >= 400:
                self._refused = f"HTTP {response.status_code} {response.reason_phrase}".rstrip()

        async with (
            httpx2.AsyncClient(
                headers=dict(self.server.headers),
                timeout=httpx2.Timeout(10.0, read=300.0),
                event_hooks={"response": [note_refusal]},
            ) as http,
            streamable_http_client(self.server.url, http_client=http) as streams,
        ):
            yield streams

    def _log_line(self, line: str) -> None:
        _log.debug("MCP server %r: %s", self.server.name, self.redacted(line))

    async def _received(self, message: IncomingMessage) -> None:
        if isinstance(message, ToolListChangedNotification):
            self._stale.set()
        elif isinstance(message, Exception):
            _log.debug(
                "MCP server %r sent what is no message: %s",
                self.server.name,
                self.redacted(str(message)),
            )

    async def _list(self, client: Client) -> None:
        tools: list[Tool] = []
        cursor: str | None = None
        if client.server_capabilities.tools is not None:
            for _ in range(MOST_PAGES):
                page = await client.list_tools(cursor=cursor)
                tools += page.tools
                cursor = page.next_cursor
                if cursor is None:
                    break
        listed = tuple(tools)
        if listed != self.listed or not self.tried.is_set():
            self.listed = listed
            self._warn_of_missing()
            self._on_change()

    def _warn_of_missing(self) -> None:
        declared = {
            *(self.server.tools or ()),
            *self.server.read_only,
            *self.server.needs_approval,
        }
        if missing := declared - {tool.name for tool in self.listed}:
            _log.warning(
                "MCP server %r offers no tool named %s",
                self.server.name,
                ", ".join(map(repr, sorted(missing))),
            )

    async def _list_when_stale(self, client: Client) -> None:
        while True:
            unseen = bool(self.server.url) and not self._streams_changes
            with anyio.move_on_after(self._pace.check_s if unseen else None):
                await self._stale.wait()
            self._stale.clear()
            async with asyncio.timeout(self._pace.list_s):
                await self._list(client)

    async def _listen(self, client: Client) -> None:
        """Holds the stream of changes open that newer servers have; its end is a sign as well."""
        if client.protocol_version not in MODERN_PROTOCOL_VERSIONS:
            return
        while True:
            try:
                async with client.listen(tools_list_changed=True) as changes:
                    self._streams_changes = True
                    self._stale.set()  # for what changed before the stream began
                    async for _ in changes:
                        self._stale.set()
            except SubscriptionLost:
                pass
            except MCPError as error:
                if error.code == METHOD_NOT_FOUND:
                    return
            finally:
                self._streams_changes = False
            self._stale.set()
            await asyncio.sleep(self._pace.listen_again_s)

    def _lost(self, error: Exception) -> None:
        why = self.redacted(_innermost(error))
        if self._refused:
            why = f"it answered {self._refused}"
        if self._told:
            _log.debug("MCP server %r is still away: %s", self.server.name, why)
            return
        self._told = True
        _log.warning("MCP server %r is unavailable: %s", self.server.name, why)
        self._on_problem(self.server.name, why)

    def redacted(self, text: str) -> str:
        """The text without the values of headers and environment, and without the address."""
        secrets = [self.server.url, *self.server.headers.values()]
        secrets += [part for value in self.server.headers.values() for part in value.split()]
        secrets += self.server.environment.values()
        for secret in sorted(secrets, key=len, reverse=True):
            if len(secret) >= SHORTEST_SECRET:
                text = text.replace(secret, "…")
        return text


def _innermost(error: BaseException) -> str:
    """What the first error in a group says."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    return str(error) or type(error).__name__
