"""An agent that is nothing but its instructions.

./run up --app examples/01_prompt.py      ./run chat --app examples/01_prompt.py
"""

from parley import Agent

agent = Agent(
    instructions="You are the desk of a bicycle shop. Answer in one or two short sentences. "
    "The shop is open from nine to six, and closed on Sundays.",
    greeting="Bicycle shop, hello! How can I help?",
)
