"""Programs Parley needs beside Python: found on the machine, else fetched or built, and cached."""

from parley.toolchain.livekit_server import ensure_livekit_server
from parley.toolchain.node import NodeTools, ensure_node
from parley.toolchain.web import ensure_page

__all__ = ["NodeTools", "ensure_livekit_server", "ensure_node", "ensure_page"]
