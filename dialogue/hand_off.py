"""What a tool may ask of the conversation that it is called in, a hand-off among it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from dialogue.approvals.held_calls import News
from dialogue.feed import Feed
from parley.app.events import Filler
from parley.app.session import Session
from parley.app.tool import ToolContext
from parley.errors import ParleyError


class UnknownAgentError(ParleyError):
    """A hand-off to an agent that is not declared."""


@dataclass(frozen=True)
class HandOffTool:
    """Generated for each agent that may take over; the log tells of it as a hand-off."""

    agent: str
    name: str
    description: str
    schema: dict[str, JsonValue] = field(
        default_factory=lambda: {"type": "object", "properties": {}}
    )
    says: str | None = None
    read_only: bool = False
    must_finish: bool = False
    needs_approval: bool = False
    timeout_s: float = 5.0

    async def run(self, arguments: dict[str, JsonValue], context: ToolContext) -> str:
        context.hand_off(self.agent)
        return f"{self.agent} takes over."


@dataclass
class AnswerContext:
    """What a tool may ask of the conversation; from any thread."""

    session: Session
    turn_id: str
    feed: Feed
    agents: Mapping[str, int | None]
    wants_to_hang_up: bool = False
    next_agent: str | None = None

    def adopt(self, news: Sequence[News]) -> None:
        """Calls that ended later than their answers want something as well."""
        for each in news:
            self.wants_to_hang_up |= each.hangs_up
            self.next_agent = each.next_agent or self.next_agent

    def say(self, text: str) -> None:
        self.feed.put(Filler(text))

    def hang_up(self) -> None:
        self.wants_to_hang_up = True

    def hand_off(self, agent: str) -> None:
        if agent not in self.agents:
            declared = ", ".join(sorted(self.agents))
            raise UnknownAgentError(f"no agent {agent!r} is declared; there are: {declared}")
        self.next_agent = agent
