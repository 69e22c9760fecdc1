"""Tools of Model Context Protocol servers, as an agent calls them."""

from dialogue.mcp.connection import RetryPace
from dialogue.mcp.tools import McpTool, McpTools

__all__ = ["McpTool", "McpTools", "RetryPace"]
