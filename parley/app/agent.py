"""An agent, declared: what `parley` runs for a person, by voice and by text."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from parley.app.engine import EngineFactory
from parley.app.mcp import McpServer
from parley.app.tool import Tool
from parley.app.turn_policy import TurnPolicy, TurnThresholds
from parley.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True)
class SilencePrompts:
    """What is said when the person says nothing for `after_s` seconds.

    `texts` one after the other (none: those of the language), then the call ends with the closing.
    """

    after_s: float = 15.0
    texts: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class HandOff:
    """Another agent that may take over.

    `when` tells the model when; `keeps`: how many entries of the log it is shown, None for all.
    """

    agent: "Agent"
    when: str
    keeps: int | None = None


@dataclass(frozen=True, kw_only=True)
class Agent:
    """An agent. What is None is taken from the settings.

    Raises ConfigurationError for tools, hand-offs or an engine that contradict each other, and
    ToolDeclarationError for a function that cannot be a tool.
    """

    name: str = "assistant"
    instructions: str | None = None
    tools: Sequence[Tool | Callable[..., Any]] = ()
    mcp: Sequence[McpServer] = ()
    handoffs: Sequence[HandOff] = ()
    engine: EngineFactory | None = None
    """Answers in place of a language model with instructions and tools."""
    greeting: str | None = None
    """Said first; empty: the person speaks first."""
    closing: str | None = None
    """Said before the agent hangs up; None: that of the language."""
    voice: str | None = None
    language: str | None = None
    """Of the agent's own words and fillers, for example "en"."""
    model: str | None = None
    temperature: float | None = None
    turn_policy: TurnPolicy | None = None
    thresholds: TurnThresholds | None = None
    silence: SilencePrompts | None = None
    """None: the agent waits in silence."""
    max_call_s: float | None = None
    """Seconds after which the agent says the closing and ends the call."""

    def __post_init__(self) -> None:
        from parley.app.tool import as_tool  # noqa: PLC0415 - only to declare

        tools = tuple(map(as_tool, self.tools))
        object.__setattr__(self, "tools", tools)
        if self.engine is not None and (tools or self.mcp or self.handoffs):
            raise ConfigurationError(
                f"agent {self.name!r} has an engine, which does not use tools, mcp or handoffs"
            )
        names = [tool.name for tool in tools]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ConfigurationError(
                f"agent {self.name!r} has two tools called {', '.join(sorted(twice))}"
            )
