"""Tools: functions with annotations and a docstring, which is what the model knows of them."""

from parley import Agent, ToolError, hang_up, tool

ORDERS = {"42": "shipped this morning", "43": "waiting for a saddle"}


@tool(read_only=True)
def order_status(number: str) -> str:
    """Where an order is. number: as printed on the receipt, digits only."""
    if number not in ORDERS:
        raise ToolError(f"there is no order {number}; ask for the number on the receipt")
    return f"Order {number}: {ORDERS[number]}."


@tool(says="I'm cancelling it.", must_finish=True)
async def cancel_order(number: str) -> str:
    """Cancels an order for good. Only when the person has asked for it."""
    return (
        f"Order {number} is cancelled." if ORDERS.pop(number, None) else "There is no such order."
    )


agent = Agent(
    instructions="You are the desk of a bicycle shop. Be brief.",
    greeting="Bicycle shop, hello!",
    tools=[order_status, cancel_order, hang_up],
)
