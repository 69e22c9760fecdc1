"""Two agents: the desk hands over to the workshop, which has its own words and tools."""

from parley import Agent, HandOff, SilencePrompts, tool


@tool
def book_repair(day: str, what: str) -> str:
    """Books a repair. day: a day of the week; what: what is broken."""
    return f"Booked for {day}: {what}. It costs about fifty euros."


workshop = Agent(
    name="workshop",
    instructions="You are the mechanic. Ask what is broken, propose a day, and book the repair.",
    tools=[book_repair],
    # voice="piper-en-us-lessac-medium",  fetched when it first speaks
)

agent = Agent(
    name="desk",
    instructions="You are the desk of a bicycle shop. You know opening hours: nine to six.",
    greeting="Bicycle shop, hello!",
    handoffs=[
        # keeps: how many entries of the conversation the workshop is shown
        HandOff(agent=workshop, when="The person wants something repaired.", keeps=4)
    ],
    silence=SilencePrompts(after_s=12, texts=["Are you still there?"]),
    max_call_s=600,
)
