"""A tool that waits for a slow service: the person hears a sentence meanwhile, and may interrupt.

APP_STOCK_URL=http://127.0.0.1:9000 ./run up --app examples/03_slow_tool.py
(variables that begin with APP_ reach the agent; agent.environment in the settings lists others)
"""

import os

import httpx2

from parley import Agent, ToolContext, ToolError, tool


@tool(says="Let me ask the warehouse.", read_only=True, timeout_s=20)
async def in_stock(part: str, context: ToolContext) -> str:
    """How many of a part the warehouse has, and where. part: for example "saddle"."""
    url = os.environ.get("APP_STOCK_URL", "http://127.0.0.1:9000")
    async with httpx2.AsyncClient(timeout=15) as client:  # interrupted, it hangs up at once
        try:
            answer = await client.get(f"{url}/stock", params={"part": part})
            answer.raise_for_status()
        except httpx2.HTTPError:
            raise ToolError("the warehouse does not answer; offer to call back") from None
    found = answer.json()
    if found["count"] == 0:
        context.say("I'm afraid it does not look good.")
    return f"{found['count']} of {part}, {found['where']}"


agent = Agent(
    instructions="You are the desk of a bicycle shop. Say what the warehouse has, briefly.",
    greeting="Bicycle shop, which part do you need?",
    tools=[in_stock],
)
