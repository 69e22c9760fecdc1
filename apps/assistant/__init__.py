"""The agent of a Parley that is given no other: the settings say what it is told and says first."""

from parley import Agent, hang_up

agent = Agent(name="assistant", tools=[hang_up])
