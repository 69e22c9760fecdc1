"""A Model Context Protocol server whose tools an agent may call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from parley.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True)
class McpServer:
    """Either a `command` that speaks MCP on its standard streams, or the `url` of one that speaks
    streamable HTTP.

    Raises ConfigurationError for both or neither.
    """

    name: str
    """How logs and errors call it; also before a tool's name where two servers have the same."""
    command: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    """What the command gets beside PATH and HOME."""
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    tools: Sequence[str] | None = None
    """Names of the tools that the model may call; None: all."""
    read_only: Sequence[str] = ()
    """Of those, the tools that may run on a guess; the server's own hint counts as well."""
    needs_approval: Sequence[str] = ()
    says: str | None = None
    timeout_s: float = 30.0

    def __post_init__(self) -> None:
        if bool(self.command) == bool(self.url):
            raise ConfigurationError(
                f"MCP server {self.name!r} needs a command or a url, and not both"
            )
