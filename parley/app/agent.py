"""An agent, declared: what `parley` runs for a person, by voice and by text."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from parley.app.app_service import AppService
from parley.app.engine import EngineFactory
from parley.app.mcp import McpServer
from parley.app.tool import Tool
from parley.app.turn_policy import TurnPolicy, TurnThresholds
from parley.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True)
class SilencePrompts:
    """What is said when the person says nothing for `after_s` seconds.

    Said are the texts, one after the other; then the call ends with the closing.
    """

    after_s: float = 15.0
    """Seconds of silence before each of them."""
    texts: Sequence[str] = ()
    """None: those of the language."""


@dataclass(frozen=True)
class ExampleExchange:
    """How the agent would answer: shown to the model as if it had been said before."""

    person: str
    """What a person says."""
    agent: str
    """What the agent says to it."""


@dataclass(frozen=True, kw_only=True)
class HandOff:
    """Another agent that may take over the conversation."""

    agent: "Agent"
    when: str
    """Tells the model when to hand over, for example "the person asks about an invoice"."""
    keeps: int | None = None
    """How many of the latest entries of the log the other agent is shown; None: all."""


@dataclass(frozen=True, kw_only=True)
class Agent:
    """Who a person talks with: instructions and tools for a language model, or an engine.

    What is None is taken from the settings.

    Raises ConfigurationError for tools, hand-offs or an engine that contradict each other, and
    ToolDeclarationError for a function that cannot be a tool.
    """

    name: str = "assistant"
    """How logs, errors and hand-offs call it."""
    instructions: str | None = None
    """What the model is told before the conversation."""
    examples: Sequence[ExampleExchange] | None = None
    """Shown to the model behind the instructions, but not to local models that take them for the
    conversation; None: those that belong to the settings' instructions, none with others."""
    tools: Sequence[Tool | Callable[..., Any]] = ()
    """What the model may call; plain functions become tools with the defaults of `tool`."""
    mcp: Sequence[McpServer] = ()
    """Servers whose tools the model may call as well."""
    handoffs: Sequence[HandOff] = ()
    """Other agents that may take over."""
    engine: EngineFactory | None = None
    """Answers in place of a language model with instructions and tools."""
    grounded: bool = False
    """Whether what the settings know of is the agent's too: intents and passages of documents are
    found out for each turn, and the operations of services are tools."""
    service: AppService | None = None
    """What the app's engines share, and what it tells of itself."""
    questions: Sequence[str] | None = None
    """Examples of what may be asked, which visitors are shown before a call; None: those of the
    settings for an agent that leaves its instructions to them, else none."""
    greeting: str | None = None
    """Said first; empty: the person speaks first."""
    closing: str | None = None
    """Said before the agent hangs up; None: that of the language."""
    voice: str | None = None
    """A voice that `./run voices` lists."""
    language: str | None = None
    """Of the agent's own words and fillers, for example "en"."""
    model: str | None = None
    """A name that the configured model server knows."""
    temperature: float | None = None
    """Of the model; 0: always its likeliest words."""
    turn_policy: TurnPolicy | None = None
    """Judges speech over the agent's voice; None: the built-in one."""
    thresholds: TurnThresholds | None = None
    """Turn-taking of this agent alone."""
    silence: SilencePrompts | None = None
    """Asked in a call that has gone quiet; by text nobody is. None: as `agent.idle_s` of the
    settings says."""
    max_call_s: float | None = None
    """Seconds after which a call ends, with the closing; by text there is no such end. It is the
    whole call's: an agent that takes over does not change it."""

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


def declared_agents(app: Agent) -> Iterator[Agent]:
    """The agent and all that can be reached from it by hand-offs, each once."""
    waiting, seen = [app], set[int]()
    while waiting:
        agent = waiting.pop(0)
        if id(agent) not in seen:
            seen.add(id(agent))
            yield agent
            waiting += [hand_off.agent for hand_off in agent.handoffs]
