"""The agent that answers where no other is named: a prompt, taken from the settings."""

from parley import Agent

agent = Agent()
