"""Programs Parley needs beside Python: found on the machine, else fetched or built, and cached."""

from ops.toolchain.livekit_server import (
    ensure_livekit_server,
    find_livekit_server,
    livekit_server_path,
)
from ops.toolchain.node import NodeTools, ensure_node, find_node
from ops.toolchain.web import ensure_page, page_is_built

__all__ = [
    "NodeTools",
    "ensure_livekit_server",
    "ensure_node",
    "ensure_page",
    "find_livekit_server",
    "find_node",
    "livekit_server_path",
    "page_is_built",
]
