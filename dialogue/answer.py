"""One answer of a declared agent: the model, the tools that it calls, the model again."""

import asyncio
import logging
import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from pydantic import JsonValue

from dialogue.approvals import APPROVAL_DEADLINE_S, Decision
from dialogue.feed import Feed
from dialogue.messages import AssistantMessage, Message, ToolMessage, ToolRequest
from dialogue.model import ChatModel, Text, Tokens
from dialogue.model_errors import ModelRequestError
from dialogue.resources import Resources
from dialogue.text.languages import Language
from dialogue.tools import (
    CallableTool,
    ToolArgumentsError,
    offered_names,
    parse_arguments,
    run_tool,
)
from dialogue.unfinished import BegunCall, Unfinished
from dialogue.waiting import Waiting
from parley.app.engine import Turn
from parley.app.events import (
    ApprovalPending,
    Done,
    Error,
    Event,
    Filler,
    Handoff,
    HangUp,
    TextDelta,
    ToolFinished,
    ToolStarted,
    Usage,
)
from parley.app.session import Session
from parley.app.tool import ToolContext
from parley.errors import ParleyError

MAX_ROUNDS = 8
"""Requests to the model for one answer; the last one is offered no tools."""
CANCELLED_WITHIN_S = 1.0
"""How long a cancelled tool may take to clean up before it is left to itself."""

_log = logging.getLogger(__name__)


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
class _Call:
    request: ToolRequest
    tool: CallableTool | None
    arguments: dict[str, JsonValue] = field(default_factory=dict)
    begun: bool = False
    told: bool = False
    """Its end was yielded."""
    task: asyncio.Task[ToolFinished] | None = None


@dataclass
class _Context:
    """What a tool may ask of the conversation; from any thread."""

    session: Session
    turn_id: str
    feed: Feed
    agents: Mapping[str, int | None]
    wants_to_hang_up: bool = False
    next_agent: str | None = None

    def say(self, text: str) -> None:
        self.feed.put(Filler(text))

    def hang_up(self) -> None:
        self.wants_to_hang_up = True

    def hand_off(self, agent: str) -> None:
        if agent not in self.agents:
            declared = ", ".join(sorted(self.agents))
            raise UnknownAgentError(f"no agent {agent!r} is declared; there are: {declared}")
        self.next_agent = agent


class Answer:
    """Answers one turn, once."""

    def __init__(
        self,
        turn: Turn,
        *,
        model: ChatModel,
        messages: Sequence[Message],
        tools: Sequence[CallableTool],
        agents: Mapping[str, int | None],
        language: Language,
        resources: Resources,
        unfinished: Unfinished,
    ) -> None:
        """`agents`: who may take over, each with how much of the log it is shown."""
        self._turn = turn
        self._model = model
        self._messages = list(messages)
        self._tools = tools
        self._agents = agents
        self._phrases = language.phrases
        self._resources = resources
        self._unfinished = unfinished
        self._feed = Feed()
        self._context = _Context(turn.session, turn.id, self._feed, agents)
        self._waiting = Waiting(
            language.phrases,
            resources.clock,
            turn.waiting_since_s,
            chars_per_s=language.chars_per_s,
        )
        self._calls: dict[str, _Call] = {}
        self._said = ""
        self._tool_failed = False
        self._usage = Usage()

    async def events(self) -> AsyncGenerator[Event]:
        """Closing it cancels the request to the model and the tools that may be cancelled."""
        work = asyncio.create_task(self._work(), name=f"answer {self._turn.id}")
        try:
            while not self._feed.is_over:
                if (event := self._feed.take()) is not None:
                    if isinstance(event, ToolFinished):
                        self._calls[event.call_id].told = True
                    elif isinstance(event, Filler):
                        self._waiting.said(event.text)
                    yield event
                    continue
                due_s = self._waiting.due_s
                left_s = None if due_s is None else due_s - self._resources.clock()
                if left_s is not None and left_s <= 0:
                    yield Filler(self._waiting.filler())
                    continue
                await self._feed.change(timeout_s=left_s)
            await work
            yield Done(self._usage)
        finally:
            await self._cancel(work)

    async def _work(self) -> None:
        """Puts everything that happens into the feed."""
        try:
            for number in range(1, MAX_ROUNDS + 1):
                text, requests = await self._ask(self._tools if number < MAX_ROUNDS else ())
                if not requests:
                    break
                finished = await self._run(requests)
                self._messages.append(AssistantMessage(text, requests))
                self._messages += [ToolMessage(end.call_id, end.result) for end in finished]
                if self._context.next_agent is not None:
                    break
            self._end()
        except ModelRequestError as error:
            _log.warning("session %s: %s", self._turn.session.id, error)
            self._feed.put(Error(error.code, str(error), error.retryable))
            self._feed.put(Filler(self._phrases.apology))
        finally:
            self._waiting.ends()
            self._feed.close()

    def _end(self) -> None:
        """What stands at the end of an answer in which the model did not fail."""
        if (agent := self._context.next_agent) is not None:
            self._feed.put(Handoff(agent, self._agents[agent]))
        elif self._context.wants_to_hang_up:
            if not self._said.strip() and self._phrases.closing:
                self._feed.put(TextDelta(self._phrases.closing))
            self._feed.put(HangUp())
        elif not self._said.strip():
            phrases = self._phrases
            self._feed.put(Filler(phrases.tool_failed if self._tool_failed else phrases.apology))

    async def _ask(self, tools: Sequence[CallableTool]) -> tuple[str, Sequence[ToolRequest]]:
        """The model's text, which has been put into the feed, and the calls it wants."""
        self._waiting.model_begins()
        self._feed.wake()
        text, requests, tokens = "", list[ToolRequest](), Tokens(0, 0)
        async with aclosing(self._model.answer(self._messages, tools)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Text):
                    if text.strip() or piece.text.strip():
                        self._say(piece.text, begins=not text.strip())
                    text += piece.text
                elif isinstance(piece, ToolRequest):
                    requests.append(self._with_own_id(piece, requests))
                elif isinstance(piece, Tokens):
                    tokens = piece
        self._waiting.ends()
        self._usage = Usage(
            self._usage.input_tokens + tokens.input_tokens,
            self._usage.output_tokens + tokens.output_tokens,
        )
        return text, requests

    def _say(self, text: str, *, begins: bool) -> None:
        self._waiting.ends()
        apart = self._said[-1:].isspace() or text[:1].isspace()
        if begins and self._said and not apart:
            text = f" {text}"
        self._said += text
        self._waiting.said(text)
        self._feed.put(TextDelta(text))

    def _with_own_id(self, request: ToolRequest, others: Sequence[ToolRequest]) -> ToolRequest:
        """Some servers count their calls anew in every answer."""
        if request.call_id not in (*self._calls, *(other.call_id for other in others)):
            return request
        return ToolRequest(f"call_{uuid.uuid4().hex[:24]}", request.name, request.arguments)

    async def _run(self, requests: Sequence[ToolRequest]) -> Sequence[ToolFinished]:
        """Runs the calls side by side until all have ended."""
        by_name = {tool.name: tool for tool in self._tools}
        calls = [_Call(request, by_name.get(request.name)) for request in requests]
        says = [call.tool.says for call in calls if call.tool is not None and call.tool.says]
        self._waiting.tools_begin(says[0] if says else None)
        self._feed.wake()
        for call in calls:
            self._calls[call.request.call_id] = call
            call.task = asyncio.create_task(self._called(call), name=call.request.name)
        # Not gather: cancelling the work leaves a call that must finish alone.
        tasks = [call.task for call in calls if call.task is not None]
        await asyncio.wait(tasks)
        self._waiting.ends()
        finished = [task.result() for task in tasks]
        self._tool_failed = any(end.outcome == "failed" for end in finished)
        return finished

    async def _called(self, call: _Call) -> ToolFinished:
        clock, request, tool = self._resources.clock, call.request, call.tool
        began_s = clock()
        if tool is None:
            outcome, result = "failed", offered_names(request, self._tools)
        else:
            try:
                call.arguments = parse_arguments(request.arguments)
                if not tool.read_only or tool.needs_approval:
                    await self._turn.committed()
                decision = await self._decided(tool, call.arguments)
                if decision.approved:
                    call.begun = True
                    if not isinstance(tool, HandOffTool):
                        self._feed.put(ToolStarted(request.call_id, tool.name, call.arguments))
                    outcome, result = await run_tool(tool, call.arguments, self._context)
                else:
                    outcome, result = "refused", f"Refused: {decision.why or 'no reason given'}."
            except ToolArgumentsError as error:
                outcome, result = "failed", f"Wrong arguments: {error}"
        finished = ToolFinished(
            request.call_id, request.name, call.arguments, outcome, result, clock() - began_s
        )
        if not isinstance(tool, HandOffTool):
            self._feed.put(finished)
        return finished

    async def _decided(self, tool: CallableTool, arguments: Mapping[str, JsonValue]) -> Decision:
        if not tool.needs_approval:
            return Decision(approved=True)
        approvals = self._resources.approvals
        if approvals is None:
            _log.warning("tool %s needs approval, and nobody can give it", tool.name)
            return Decision(approved=False, why="nobody can approve it here")
        try:
            approval_id = await approvals.request(self._turn.session.id, tool.name, arguments)
        except ParleyError as error:
            _log.warning("tool %s needs approval, which cannot be asked for: %s", tool.name, error)
            return Decision(approved=False, why="approval cannot be asked for now")
        self._feed.put(ApprovalPending(approval_id, tool.name, arguments))
        try:
            async with asyncio.timeout(APPROVAL_DEADLINE_S):
                return await approvals.wait(approval_id)
        except TimeoutError:
            return Decision(approved=False, why="nobody decided in time")

    async def _cancel(self, work: asyncio.Task[None]) -> None:
        """Ends what still runs. The end of each call that was begun is recorded by a callback of
        its task, so that it is also where this is cancelled itself."""
        self._feed.close()
        cancelled: list[asyncio.Task[object]] = []
        if not work.done():
            work.cancel()
            cancelled.append(work)
        for call in self._calls.values():
            task = call.task
            if task is None or call.told or isinstance(call.tool, HandOffTool):
                continue
            request = call.request
            if call.begun or task.done():
                self._unfinished.keep(
                    BegunCall(self._turn.id, request.call_id, request.name, call.arguments, task)
                )
            must_finish = call.begun and call.tool is not None and call.tool.must_finish
            if not must_finish and not task.done():
                task.cancel()
                cancelled.append(task)
        if cancelled:
            await asyncio.wait(cancelled, timeout=CANCELLED_WITHIN_S)
