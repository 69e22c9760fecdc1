"""Tools of MCP servers: one by its command, beside this file; others by their address."""

import os
import sys
from pathlib import Path

from parley import Agent, McpServer

servers = [
    McpServer(
        name="workshop",
        command=[sys.executable, "-P", str(Path(__file__).with_name("workshop_server.py"))],
        tools=["free_slots", "book_slot"],
        needs_approval=["book_slot"],
    )
]
if url := os.environ.get("APP_CALENDAR_MCP_URL"):
    servers.append(McpServer(name="calendar", url=url, says="Let me look at the calendar."))

agent = Agent(
    instructions="You are the desk of a bicycle workshop. Find a time for a repair, and book it.",
    greeting="Workshop, what is broken?",
    mcp=servers,
)
