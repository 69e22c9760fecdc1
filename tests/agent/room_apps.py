"""The agents of tests in rooms that need no settings of their own: one stack serves them all, and a
call asks for one by the name of its variable."""

import os

import httpx2

from parley import Agent, HandOff, SilencePrompts, TurnThresholds, hang_up, tool

GREETING = "Hello there."
CLOSING = "I have to go now. Have a nice day."
STORY = (
    "Once upon a time there was a miller who had three sons. When he died, he left them his mill, "
    "his donkey, and his cat. The eldest took the mill, the second took the donkey, and the "
    "youngest got nothing but the cat. He was very sad about it, and said that his brothers could "
    "make a living, while he would have to die of hunger."
)
ORDERS_URL = "APP_ORDERS_URL"
"""The environment's variable with the address of the service that takes orders and knows them."""
COUNTERS = ("north", "south")
"""Of that service."""


def _taking_orders(counter: str) -> Agent:
    @tool
    async def order(text: str) -> str:
        """Orders what the person wants. text: all that they said."""
        async with httpx2.AsyncClient() as http:
            url = f"{os.environ[ORDERS_URL]}/{counter}"
            await http.post(url, content=text.encode(), timeout=20)
        return "ordered"

    return Agent(instructions="You take orders.", tools=[order], greeting="What would you like?")


@tool(says="Let me look that up.")
async def order_status(number: str) -> str:
    """Where an order is. number: as printed on the receipt."""
    async with httpx2.AsyncClient() as http:
        answer = await http.get(f"{os.environ[ORDERS_URL]}/{number}", timeout=20)
        return answer.text


desk = Agent(instructions="You are the desk of a bicycle shop.", tools=[order_status], greeting="")
north = _taking_orders("north")
south = _taking_orders("south")
silent = Agent(
    greeting=GREETING,
    closing=CLOSING,
    silence=SilencePrompts(after_s=2.5, texts=["Are you still there?", "Can you hear me?"]),
)
short = Agent(greeting=GREETING, closing=CLOSING, max_call_s=6.0)
hangs_up = Agent(greeting=GREETING, tools=[hang_up])
workshop = Agent(
    name="workshop",
    instructions="You are the mechanic.",
    closing="The workshop closes now.",
    silence=SilencePrompts(after_s=2.5, texts=["Are you still holding the bicycle?"]),
    thresholds=TurnThresholds(endpointing_min_delay_s=0.4, yield_after_s=1.2),
)
hands_over = Agent(greeting=GREETING, handoffs=[HandOff(agent=workshop, when="repairs")])
shop = Agent(greeting="Hi, this is the bicycle shop. What can I do for you today?")
storyteller = Agent(greeting=STORY)
SERVED = ("storyteller", "silent", "short", "hangs_up", "hands_over", "shop", "desk", *COUNTERS)
