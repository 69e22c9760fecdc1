"""One answer of a declared agent: the model, the tools that it calls, the model again."""

import asyncio
import logging
import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing

from dialogue.answer_filter import AnswerFilter
from dialogue.answer_parts import AnswerCall, Asked
from dialogue.answer_spans import answer_task, traced
from dialogue.approvals.held_calls import HeldCalls, News
from dialogue.approvals.in_answer import ask_approval, close_approval
from dialogue.feed import Feed
from dialogue.hand_off import AnswerContext, HandOffTool
from dialogue.held_text import ENOUGH_S, HeldText
from dialogue.messages import AssistantMessage, Message, ToolMessage, ToolRequest
from dialogue.model import ChatModel, Finished, Reasoning, Text, Tokens
from dialogue.model_errors import ModelRequestError
from dialogue.model_record import ModelRecord
from dialogue.resources import Resources
from dialogue.text.languages import Language
from dialogue.text.segmenter import ends_sentence
from dialogue.text.spoken import TextSpeaker
from dialogue.tools import (
    DONE_BEFORE,
    CallableTool,
    ToolArgumentsError,
    call_key,
    offered_names,
    parse_arguments,
    run_tool,
)
from dialogue.unfinished import BegunCall, Unfinished
from dialogue.waiting import Waiting
from parley.app.engine import Turn
from parley.app.events import (
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

MAX_ROUNDS = 8
"""Requests to the model for one answer; the last one is offered no tools."""
MAX_STRAYS = 1
"""Requests for tools that there are not, of which the model is told."""
UNCONFIGURED = "model_unconfigured"
CANCELLED_WITHIN_S = 1.0
"""How long a cancelled tool may take to clean up before it is left to itself."""

_log = logging.getLogger(__name__)


class Answer:
    """Answers one turn, once."""

    def __init__(  # noqa: PLR0913 - all it stands on
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
        record: ModelRecord,
        held: HeldCalls | None = None,
        news: Sequence[News] = (),
    ) -> None:
        """`agents`: who may take over, each with how much of the log it is shown. `held` keeps
        calls that need approval; None: they are refused. `news`: what the messages tell of such
        calls."""
        self._turn = turn
        self._model = model
        self._messages = list(messages)
        self._tools = tools
        self._agents = agents
        self._language = language
        self._phrases = language.phrases
        self._resources = resources
        self._record = record
        self._unfinished = unfinished
        self._held_calls = held
        self._feed = Feed()
        self._context = AnswerContext(turn.session, turn.id, self._feed, agents)
        self._context.adopt(news)
        self._waiting = Waiting(
            language.phrases,
            resources.clock,
            turn.waiting_since_s,
            chars_per_s=language.chars_per_s,
        )
        self._calls: dict[str, AnswerCall] = {}
        self._said: list[str] = []
        """Of each request to the model what was said."""
        self._held: HeldText | None = None
        self._tool_failed = False
        self._usage = Usage()

    async def events(self) -> AsyncGenerator[Event]:
        """Closing it cancels the request to the model and the tools that may be cancelled."""
        work = answer_task(self._work(), turn=self._turn)
        try:
            while not self._feed.is_over:
                if (event := self._feed.take()) is not None:
                    if isinstance(event, ToolFinished):
                        self._calls[event.call_id].told = True
                    elif isinstance(event, Filler):
                        self._waiting.said(event.text)
                    yield event
                    continue
                now_s, held_due_s = self._resources.clock(), self._held_due_s()
                if held_due_s is not None and held_due_s <= now_s and self._held is not None:
                    self._say(self._held.due())
                    continue
                due_s = self._waiting.due_s
                if due_s is not None and due_s <= now_s:
                    yield Filler(self._waiting.filler())
                    continue
                times = [each for each in (due_s, held_due_s) if each is not None]
                await self._feed.change(timeout_s=min(times) - now_s if times else None)
            await work
            yield Done(self._usage)
        finally:
            await self._cancel(work)

    def reassure(self) -> None:
        """The person asks whether anybody is there: a filler says so, unless the answer comes."""
        if text := self._waiting.reassurance():
            self._feed.put(Filler(text))

    def _held_due_s(self) -> float | None:
        is_held = self._held is not None and self._held.waits
        return self._waiting.said_until_s - ENOUGH_S if is_held else None

    async def _work(self) -> None:
        """Puts everything that happens into the feed."""
        try:
            offered = {tool.name for tool in self._tools}
            strays, again = 0, list[ToolMessage]()
            for number in range(1, MAX_ROUNDS + 1):
                asked = await self._ask(self._tools if number < MAX_ROUNDS and not again else ())
                if not asked.requests:
                    break
                strays += offered.isdisjoint(each.name for each in asked.requests)
                if strays > MAX_STRAYS:
                    break
                again = self._again(asked.requests)
                finished = () if again else await self._run(asked.requests)
                self._messages.append(AssistantMessage(asked.text, asked.requests))
                self._messages += again or [ToolMessage(e.call_id, e.result) for e in finished]
                if self._context.next_agent is not None:
                    break
                if any(end.outcome == "pending" for end in finished):
                    self._say(self._phrases.approval_asked)
                    if all(end.outcome == "pending" for end in finished):
                        asked = Asked(text=self._said[-1], said=self._said[-1])
                        break
            self._end(asked)
        except ModelRequestError as error:
            self._failed(error)
        finally:
            self._held = None
            self._waiting.ends()
            self._feed.close()

    def _failed(self, error: ModelRequestError) -> None:
        _log.warning("session %s: %s", self._turn.session.id, error)
        self._feed.put(Error(error.code, error.for_people, error.retryable))
        phrases = self._phrases
        if not error.is_permanent:
            said = phrases.apology
        elif self._record.is_news(UNCONFIGURED):
            said = phrases.model_unconfigured
        else:
            said = phrases.model_still_unconfigured
        self._feed.put(Filler(said))

    def _end(self, asked: Asked) -> None:
        """What stands at the end of an answer in which the model did not fail."""
        self._record.answered(UNCONFIGURED)
        if asked.reason == "length":
            self._cut_off(asked)
        if (agent := self._context.next_agent) is not None:
            self._feed.put(Handoff(agent, self._agents[agent]))
        elif self._context.wants_to_hang_up:
            if not self._has_spoken() and self._phrases.closing:
                self._feed.put(TextDelta(self._phrases.closing))
            self._feed.put(HangUp())
        elif asked.requests or not self._is_speakable(asked.said):
            self._unanswered(asked)
        elif asked.reason == "length" and not ends_sentence(asked.said, self._language):
            self._feed.put(Filler(self._phrases.cut_short))

    def _cut_off(self, asked: Asked) -> None:
        what = "by its reasoning" if asked.thought and not asked.text.strip() else "in the middle"
        _log.warning(
            "session %s: the answer's limit of tokens was reached %s: llm.max_tokens sets it",
            self._turn.session.id,
            what,
        )
        if self._record.is_news("model_limit"):
            self._feed.put(Error("model_limit", f"The answer was cut off {what}: it was too long."))

    def _unanswered(self, asked: Asked) -> None:
        """The last request brought nothing that could be said."""
        if self._has_spoken() and not asked.text.strip() and not asked.requests:
            return  # what was said while the tools ran is the answer
        if self._tool_failed and not asked.requests:
            self._feed.put(Filler(self._phrases.tool_failed))
            return
        if asked.requests:
            why = "The language model asks for tools that there are not."
        else:
            why = "The language model's answer holds nothing that could be said."
        _log.warning("session %s: %s", self._turn.session.id, why)
        if asked.reason != "length":
            self._feed.put(Error("model_no_answer", why, True))
        self._feed.put(Filler(self._phrases.no_answer))

    def _has_spoken(self) -> bool:
        return self._is_speakable(" ".join(self._said))

    def _is_speakable(self, text: str) -> bool:
        return bool(text.strip()) and bool(TextSpeaker(self._language).speak(text).words)

    async def _ask(self, tools: Sequence[CallableTool]) -> Asked:
        """Asks the model; what it says is put into the feed."""
        self._waiting.model_begins()
        self._feed.wake()
        passing = AnswerFilter(tools, begins_with_thought=self._record.begins_with_thought)
        held = self._held = HeldText(self._language, self._said, self._left_to_say_s)
        self._said.append("")
        asked, requests, tokens = Asked(), list[ToolRequest](), Tokens(0, 0)

        def take(passed: Sequence[str | ToolRequest]) -> None:
            for each in passed:
                if isinstance(each, ToolRequest):
                    requests.append(self._with_own_id(each, requests))
                else:
                    asked.text += each
                    self._say(held.add(each))

        async with aclosing(traced(self._model.answer(self._messages, tools))) as pieces:
            async for piece in pieces:
                match piece:
                    case Text(text):
                        take(passing.push(text))
                    case Reasoning():
                        asked.thought = True
                    case ToolRequest():
                        requests.append(self._with_own_id(piece, requests))
                    case Tokens():
                        tokens = piece
                    case Finished(reason):
                        asked.reason = reason
                if passing.ended:
                    break
        take(passing.finish())
        self._say(held.whole_sentences() if asked.reason == "length" else held.rest())
        self._waiting.ends()
        self._held = None
        asked.requests, asked.said = requests, self._said[-1]
        asked.thought |= passing.thought
        self._record.thought(unmarked=passing.thought_unmarked, answered=bool(asked.text.strip()))
        self._usage = Usage(
            self._usage.input_tokens + tokens.input_tokens,
            self._usage.output_tokens + tokens.output_tokens,
        )
        return asked

    def _left_to_say_s(self) -> float:
        return self._waiting.said_until_s - self._resources.clock()

    def _say(self, text: str) -> None:
        if not text:
            return
        self._waiting.ends()
        said = "".join(self._said)
        if not self._said[-1]:
            text = text if text[:1].isspace() and said else text.lstrip()
            text = f" {text}" if said and not (said[-1:].isspace() or text[:1].isspace()) else text
        self._said[-1] += text
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
        calls = [AnswerCall(request, by_name.get(request.name)) for request in requests]
        says = [call.tool.says for call in calls if call.tool is not None and call.tool.says]
        if not all(isinstance(call.tool, HandOffTool) for call in calls):
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

    async def _called(self, call: AnswerCall) -> ToolFinished:
        clock, request, tool = self._resources.clock, call.request, call.tool
        began_s = clock()
        outcome: str
        if tool is None:
            outcome, result = "failed", offered_names(request, self._tools)
        else:
            try:
                call.arguments = parse_arguments(request.arguments)
                if not tool.read_only or tool.needs_approval:
                    await self._turn.committed()
                approval = await ask_approval(
                    self._held_calls, tool, call.arguments, request.call_id, self._turn, self._feed
                )
                if approval.runs:
                    call.begun, began_s = True, clock()  # what it waited for is not its work
                    if not isinstance(tool, HandOffTool):
                        self._feed.put(ToolStarted(request.call_id, tool.name, call.arguments))
                    outcome, result = await run_tool(tool, call.arguments, self._context)
                    await close_approval(self._held_calls, approval, outcome, result)
                else:
                    outcome, result = approval.outcome, approval.result
            except ToolArgumentsError as error:
                outcome, result = "failed", f"Wrong arguments: {error}"
        finished = ToolFinished(
            request.call_id, request.name, call.arguments, outcome, result, clock() - began_s
        )
        if not isinstance(tool, HandOffTool):
            self._feed.put(finished)
        return finished

    def _again(self, requests: Sequence[ToolRequest]) -> list[ToolMessage]:
        """What a model is told that only asks for what this answer has done: small models do."""
        done = {
            call_key(call.request): call.task.result().result
            for call in self._calls.values()
            if call.task is not None and call.task.done() and call.task.result().outcome == "done"
        }
        if not requests or not all(call_key(each) in done for each in requests):
            return []
        return [ToolMessage(r.call_id, f"{done[call_key(r)]}\n{DONE_BEFORE}") for r in requests]

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
