"""Answers a session with a declared Agent: instructions, tools, MCP servers, hand-offs."""

import logging
import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

from dialogue import history
from dialogue.answer import Answer
from dialogue.approvals.approval import CallEnd, HeldCall
from dialogue.approvals.held_calls import HeldCalls, LateEnd
from dialogue.checkpoints.checkpointed import CheckpointedModel, checkpointed
from dialogue.checkpoints.store import PipelineStatus
from dialogue.experiments.variation import Variation
from dialogue.feed import Feed
from dialogue.hand_off import AnswerContext, HandOffTool
from dialogue.messages import AssistantMessage, Message, ToolRequest, UserMessage
from dialogue.model import ChatModel
from dialogue.model_record import ModelRecord
from dialogue.orchestration.ahead import GroundsAhead
from dialogue.orchestration.thinking import Grounds
from dialogue.resources import Resources
from dialogue.text.languages import get_or_english
from dialogue.tools import (
    CallableTool,
    DeclaredTool,
    ToolSource,
    offered_names,
    renamed,
    run_tool,
)
from dialogue.unfinished import Unfinished
from parley.app.agent import Agent, ExampleExchange, HandOff, declared_agents
from parley.app.engine import Turn
from parley.app.events import Done, Error, Event, TextDelta
from parley.app.session import Session
from parley.app.tool import Tool

SOURCE_READY_WITHIN_S = 1.0
"""How long an answer waits for MCP servers that have not said yet what they offer."""

_log = logging.getLogger(__name__)


class DeclaredEngine:
    """The Engine of an Agent and of those that it may hand over to."""

    def __init__(
        self, app: Agent, session: Session, resources: Resources, *, unfinished: Unfinished
    ) -> None:
        self._app = app
        self._session = session
        self._resources = resources
        self._unfinished = unfinished
        self._record = ModelRecord()
        self._ahead = GroundsAhead(resources.thinking) if resources.thinking is not None else None
        self.held: HeldCalls | None = None
        """Keeps the calls that need approval; None: they are refused."""
        self._carried: dict[str, Sequence[str]] = {}
        """What became of which held calls the answers tell, by their turns."""
        self._variant = Variation(resources.overrides)
        self._answers: dict[str, Answer] = {}
        """Those that are being made, by their turns."""
        self._tools: dict[int, DeclaredTool] = {}
        self._sources: dict[str, ToolSource] = {}
        self._agents = {agent.name: agent for agent in reversed(list(declared_agents(app)))}

    @property
    def agent(self) -> Agent:
        """The agent that speaks now: the latest that the log says has taken over."""
        name = history.current_agent(self._session.log.entries)
        if name is not None and name not in self._agents:
            _log.warning("session %s: no agent %r is declared", self._session.id, name)
        agent = self._agents.get(name or self._app.name, self._app)
        return self._variant.of(agent) if agent is self._app else agent

    async def refresh(self) -> None:
        """Looks for what experiments want otherwise now; returns soon, whatever becomes of it."""
        await self._variant.refresh(self._session.user or self._session.id)

    async def respond(self, turn: Turn) -> AsyncGenerator[Event]:
        await self.refresh()
        agent = self.agent
        language = get_or_english(agent.language or turn.session.language)
        if agent.closing is not None:
            own = replace(language.phrases, closing=agent.closing)
            language = replace(language, phrases=own)
        model = self._model(agent)
        keeps = dict.fromkeys(self._agents) | {h.agent.name: h.keeps for h in agent.handoffs}
        notes = ""
        if (grounds := await self._grounds(agent, turn.text)) is not None:
            yield grounds.event
            if grounds.answer:
                yield TextDelta(grounds.answer)
                yield Done()
                return
            notes = grounds.notes
        news = self.held.news if self.held is not None else ()
        if news:
            self._carried[turn.id] = [each.approval_id for each in news]
        messages = await self._messages(
            agent, model, turn.text.strip(), [notes, *(each.note for each in news)], but=turn.id
        )
        tools = await self.tools(agent)
        if grounds is not None and grounds.tools:
            tools = [tool for tool in tools if tool.name in grounds.tools]
        pipeline = self._resources.pipelines.begin(turn) if self._resources.pipelines else None
        if pipeline is not None:
            model, tools = CheckpointedModel(model, pipeline), checkpointed(tools, pipeline)
        answer = Answer(
            turn,
            model=model,
            messages=messages,
            tools=tools,
            agents=keeps,
            language=language,
            resources=self._resources,
            unfinished=self._unfinished,
            record=self._record,
            held=self.held,
            news=news,
        )
        events = answer.events()
        self._answers[turn.id] = answer
        ended = PipelineStatus.CANCELLED
        try:
            async for event in events:
                if isinstance(event, Error):
                    ended = PipelineStatus.FAILED
                elif isinstance(event, Done) and ended is PipelineStatus.CANCELLED:
                    ended = PipelineStatus.DONE
                yield event
        finally:
            self._answers.pop(turn.id, None)
            try:
                await events.aclose()
            finally:
                if pipeline is not None:
                    pipeline.end(ended)

    def reassure(self, turn_id: str) -> None:
        """Has the answer to the turn say that somebody is there, where nothing else is said."""
        if (answer := self._answers.get(turn_id)) is not None:
            answer.reassure()

    def start(self) -> None:
        """Begins to connect to the MCP servers of the agent that speaks."""
        self._source(self.agent)

    async def servers_ready(self, timeout_s: float) -> None:
        """Waits until each MCP server of the agent is reached or found away, or for so long."""
        if (source := self._source(self.agent)) is not None:
            await source.ready(timeout_s)

    async def aclose(self) -> None:
        """Disconnects from the MCP servers."""
        if self._ahead is not None:
            await self._ahead.aclose()
        for source in self._sources.values():
            await source.aclose()

    async def prepare(self, greeting: str) -> None:
        """Fills the model's prompt cache with what every answer of the agent begins with."""
        agent = self.agent
        model = self._model(agent)
        opening = history.opening(self.instructions(agent), await self.examples(agent, model))
        said = [AssistantMessage(greeting)] if greeting else []
        begun: list[Message] = [*opening, *said, UserMessage("Hello.")]
        if why := await model.fill_prompt_cache(begun, await self.tools(agent)):
            _log.warning("the language model does not answer: %s", why)

    async def hears(self, text: str) -> None:
        """Has the model read the conversation up to `text`, which the person is saying: what its
        prompt cache has then need not be read once the turn has ended."""
        agent = self.agent
        if agent.grounded and self._ahead is not None:
            self._ahead.begin(text)
        model = self._model(agent)
        messages = await self._messages(agent, model, text)
        await model.fill_prompt_cache(messages, await self.tools(agent))

    async def heard(self, turn_id: str, text: str, *, interrupted: bool) -> None:
        """The log holds it. What an answer told of held calls is known to who heard all of it."""
        carried = self._carried.pop(turn_id, ())
        if self.held is not None and text.strip() and not interrupted:
            self.held.told(carried)

    async def run_held(self, call: HeldCall) -> LateEnd:
        """Runs a call that was approved, outside of any answer."""
        agent = self.agent
        agents = [agent, *(each for each in self._agents.values() if each is not self._app)]
        offered = [tool for each in agents for tool in await self.tools(each)]
        tool = next((each for each in offered if each.name == call.tool), None)
        if tool is None:
            request = ToolRequest(call.call_id, call.tool, "{}")
            return LateEnd(CallEnd(outcome="failed", result=offered_names(request, offered)))
        context = AnswerContext(self._session, call.turn_id, Feed(), dict.fromkeys(self._agents))
        outcome, result = await run_tool(tool, dict(call.arguments), context)
        return LateEnd(
            CallEnd(outcome=outcome, result=result), context.wants_to_hang_up, context.next_agent
        )

    async def _grounds(self, agent: Agent, text: str) -> Grounds | None:
        """What is found out about a turn; None: nobody said anything, or nothing is to be."""
        if not agent.grounded or self._ahead is None or not text.strip():
            return None
        return await self._ahead.about(text)

    async def _messages(
        self,
        agent: Agent,
        model: ChatModel,
        text: str,
        notes: Sequence[str] = (),
        *,
        but: str | None = None,
    ) -> Sequence[Message]:
        """The conversation with `text` said last, without what the log has of the turn `but`."""
        entries = self._session.log.entries
        return history.messages(
            [e for e in entries if but is None or getattr(e, "turn_id", None) != but],
            instructions=self.instructions(agent),
            examples=await self.examples(agent, model),
            text=text,
            running=self._unfinished.running,
            notes="\n".join(filter(None, notes)),
        )

    def instructions(self, agent: Agent) -> str:
        """The agent's own, or those of the settings in the agent's language."""
        if agent.instructions is not None:
            return agent.instructions
        language = get_or_english(agent.language or self._session.language)
        return language.instructions_for(self._resources.instructions, with_tools=_has_tools(agent))

    async def examples(self, agent: Agent, model: ChatModel) -> Sequence[ExampleExchange]:
        """The agent's own, or those of the settings' instructions; none for a model that would
        take them for the conversation. Those of the settings call no tool, and small models take
        that for the rule: an agent with tools is not given them."""
        examples = agent.examples
        is_default = examples is None and agent.instructions is None and not _has_tools(agent)
        if is_default and self._resources.default_examples:
            language = get_or_english(agent.language or self._session.language)
            examples = language.examples_for(self._resources.instructions)
        return examples if examples and await model.learns_from_examples() else ()

    async def tools(self, agent: Agent) -> Sequence[CallableTool]:
        """All that the agent may call, in an order that does not change."""
        tools: list[CallableTool] = [
            *(self._declared_tool(tool) for tool in agent.tools if isinstance(tool, Tool)),
            *map(_hand_off_tool, agent.handoffs),
        ]
        services = self._resources.services
        if agent.grounded and services is not None:
            await services.ready(SOURCE_READY_WITHIN_S)
            tools += services.tools()
        names = {tool.name for tool in tools}
        if (source := self._source(agent)) is not None:
            await source.ready(SOURCE_READY_WITHIN_S)
            tools += [
                renamed(tool, f"mcp_{tool.name}") if tool.name in names else tool
                for tool in source.tools()
            ]
        return tools

    def _source(self, agent: Agent) -> ToolSource | None:
        """Of the agent's MCP servers; started when it is first asked for."""
        if not agent.mcp:
            return None
        if (source := self._sources.get(agent.name)) is None:
            if self._resources.sources is None:
                _log.warning("agent %s has MCP servers, which are not served here", agent.name)
                return None
            source = self._sources[agent.name] = self._resources.sources(agent.mcp)
            source.start()
        return source

    def _declared_tool(self, tool: Tool) -> DeclaredTool:
        """Kept, because it costs something to describe a tool to a model."""
        return self._tools.setdefault(id(tool), DeclaredTool(tool))

    def _model(self, agent: Agent) -> ChatModel:
        if agent.model is None and agent.temperature is None:
            return self._resources.model
        return self._resources.model.variant(model=agent.model, temperature=agent.temperature)


def _has_tools(agent: Agent) -> bool:
    return bool(agent.tools or agent.mcp or agent.handoffs)


def _hand_off_tool(hand_off: HandOff) -> HandOffTool:
    name = hand_off.agent.name
    return HandOffTool(name, f"hand_off_to_{_as_name(name)}", hand_off.when)


def _as_name(name: str) -> str:
    """As a tool may be called: letters, digits and underscores."""
    return re.sub(r"[^a-zA-Z0-9]+", "_", name).strip("_").lower()
