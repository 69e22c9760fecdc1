"""One conversation with one person: who they are, and the log of what was said and done.

The log only grows. What the agent remembers is derived from it: a reply counts as far as the
latest `Heard` of its turn says that it was heard.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from parley.app.language_model import LanguageModel

Channel = Literal["voice", "text"]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    at_s: float = Field(description="seconds since 1970, when it happened")


class PersonSaid(_Entry):
    """What the person said or typed in a turn that was committed; again with the same turn where
    they asked into the wait for its answer whether anybody is there."""

    kind: Literal["person_said"] = "person_said"
    turn_id: str
    text: str


class AgentSaid(_Entry):
    """The answer as it was made; how much of it was heard is told by `Heard`."""

    kind: Literal["agent_said"] = "agent_said"
    turn_id: str
    text: str


class Heard(_Entry):
    """How much of the turn's answer the person has heard so far; the latest one counts.

    `final`: no more of it will be heard. `interrupted`: the person cut it short.
    """

    kind: Literal["heard"] = "heard"
    turn_id: str
    text: str
    interrupted: bool = False
    final: bool = True


ToolOutcome = Literal["done", "failed", "cancelled", "refused", "pending"]
"""pending: it waits for somebody's approval; another entry of the call tells how that ended."""


class ToolCalled(_Entry):
    """A tool call of the turn, with its end.

    `result` is what the model was told: the tool's answer, or why there is none.
    """

    kind: Literal["tool_called"] = "tool_called"
    turn_id: str
    call_id: str
    name: str
    arguments: dict[str, JsonValue]
    outcome: ToolOutcome
    result: str


class HandedOff(_Entry):
    """From here on another agent speaks. It is shown the last `keeps` things that were said or
    done before (PersonSaid, AgentSaid, ToolCalled); None: all of them."""

    kind: Literal["handed_off"] = "handed_off"
    agent: str
    keeps: int | None = None


class Resumed(_Entry):
    """Another process went on with the conversation, because the one before had died."""

    kind: Literal["resumed"] = "resumed"


AnyEntry = PersonSaid | AgentSaid | Heard | ToolCalled | HandedOff | Resumed
Entry = Annotated[AnyEntry, Field(discriminator="kind")]


class SessionLog(Protocol):
    """The entries so far, oldest first; grows while the session lasts."""

    @property
    def entries(self) -> Sequence[AnyEntry]: ...


@dataclass(frozen=True)
class Session:
    """One conversation, whatever it is held over."""

    id: str
    """The same in every process that goes on with the conversation."""
    channel: Channel
    """Whether the person speaks or types."""
    log: SessionLog
    """What was said and done so far."""
    user: str = ""
    """Who the person is, as the application knows them; empty: unknown."""
    language: str = "en"
    """Of the agent's own words and fillers."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """What the client gave with the call (LiveKit's participant attributes)."""
    model: LanguageModel | None = field(default=None, repr=False, compare=False)
    """The language model of the settings, for engines; None: there is none."""
