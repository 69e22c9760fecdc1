"""An agent with a tool and questions of its own, and the instructions of the settings."""

from parley import Agent, tool


@tool
async def order_status(number: str) -> str:
    """Where an order is. number: as printed on the receipt."""
    return f"order {number} was shipped this morning"


agent = Agent(tools=[order_status], questions=["Where is my order?"], greeting="Hello there.")
