"""MCP servers as the sources of tools that an engine asks at the beginning of each answer."""

from collections.abc import Sequence
from dataclasses import dataclass

from dialogue.mcp.tools import McpTools
from dialogue.tools import CallableTool
from parley.app.mcp import McpServer

FIRST_WAIT_S = 1.0
"""How long an answer waits for a server that has not been reached yet; it is seldom as long, for
servers are connected to while the greeting is said."""


@dataclass(frozen=True)
class McpSource:
    """The tools of one of the servers that `servers` is connected to."""

    servers: McpTools
    server: McpServer

    async def tools(self) -> Sequence[CallableTool]:
        await self.servers.ready(FIRST_WAIT_S)
        return [
            tool for tool in self.servers.tools() if tool.connection.server.name == self.server.name
        ]
