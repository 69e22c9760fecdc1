"""A Model Context Protocol server whose tools an agent may call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from parley.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True)
class McpServer:
    """A server of tools: a `command` that speaks MCP on its standard streams, or the `url` of one
    that speaks streamable HTTP.

    Raises ConfigurationError for both or neither.
    """

    name: str
    """How logs and errors call it; also before a tool's name where two servers have the same."""
    command: Sequence[str] = ()
    """The program and its arguments."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """What the command gets beside PATH and HOME."""
    url: str = ""
    """For example "https://tools.example/mcp"."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent with every request to the url, for example an Authorization."""
    tools: Sequence[str] | None = None
    """Names of the tools that the model may call; None: all."""
    read_only: Sequence[str] = ()
    """Of those, the tools that may run on a guess; the server's own hint counts as well."""
    needs_approval: Sequence[str] = ()
    """Of those, the tools that wait until somebody approves the call."""
    says: str | None = None
    """Spoken when one of its tools takes long; None: the language's own words."""
    timeout_s: float = 30.0
    """Seconds after which a call is given up."""

    def __post_init__(self) -> None:
        if bool(self.command) == bool(self.url):
            raise ConfigurationError(
                f"MCP server {self.name!r} needs a command or a url, and not both"
            )
