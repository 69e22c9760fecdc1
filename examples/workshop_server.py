"""A small MCP server on its standard streams, for 04_mcp.py."""

from mcp.server import MCPServer
from mcp.types import ToolAnnotations

SLOTS = {"Monday": ["nine", "eleven"], "Tuesday": ["two"]}

server = MCPServer("workshop")


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def free_slots(day: str) -> str:
    """Free times for a repair. day: a day of the week."""
    return ", ".join(SLOTS.get(day.capitalize(), [])) or f"nothing is free on {day}"


@server.tool()
def book_slot(day: str, time: str) -> str:
    """Books a time for a repair."""
    SLOTS[day.capitalize()].remove(time)
    return f"{day} at {time} is booked."


if __name__ == "__main__":
    server.run()
