"""The answers of an engine, as a reply that the framework speaks."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from functools import partial
from typing import Any, Protocol

from livekit.agents import FlushSentinel
from livekit.agents.voice import SpeechHandle

from agent.room.events import RoomEventPublisher
from agent.turns.commitment import Commitment
from agent.turns.report import Reply
from dialogue.conversation import ActiveTurn, Conversation
from parley.app.agent import Agent
from parley.app.events import (
    ApprovalPending,
    Clarification,
    Error,
    Event,
    Filler,
    Handoff,
    HangUp,
    Progress,
    Results,
    TextDelta,
    ToolFinished,
    ToolStarted,
)
from parley.clock import Clock, monotonic
from parley.room_events import (
    LLM_UNAVAILABLE,
    ApprovalEvent,
    ClarificationEvent,
    ProgressEvent,
    ResultsEvent,
    ToolEvent,
    ToolStartedEvent,
)
from parley.telemetry import agent as metrics
from parley.telemetry import logs, tracing

HEARD_EVERY_S = 0.5
"""How often what has been heard of an answer is written down while it sounds: so much is lost of
it where this process dies."""
READ_OUT_S = 0.4
"""An answer waits so long for what the model reads ahead. To withdraw that would stop nothing: the
local server looks once a second whether a client has gone, and would meanwhile read the whole
conversation anew for the answer, in another of its slots."""
MODEL_IS_AWAY = "The agent's language model does not answer right now."

_log = logging.getLogger(__name__)


class Person(Protocol):
    """What is known of the person's speech."""

    @property
    def last_spoke_s(self) -> float:
        """When they were last heard, on the clock."""
        ...

    @property
    def is_contested(self) -> bool:
        """Whether speech over the agent's reply is being judged."""
        ...


class Answering:
    """One call's. `aclose` ends what runs beside the replies."""

    def __init__(
        self,
        conversation: Conversation,
        person: Person,
        events: RoomEventPublisher,
        *,
        commit_silence_s: float,
        words_owed: Callable[[], bool] = lambda: False,
        on_agent: Callable[[Agent], None] = lambda agent: None,
        on_hang_up: Callable[[], None] = lambda: None,
        clock: Clock = monotonic,
    ) -> None:
        """`words_owed`: whether recognition works on something that was said. `on_agent` is told
        of the agent that takes over before it speaks; `on_hang_up`, when the answer that ends the
        call has been heard."""
        self._conversation = conversation
        self._agent = conversation.agent
        conversation.on_late_end = self._late_end
        self._person = person
        self._events = events
        self._commit_silence_s = commit_silence_s
        self._words_owed = words_owed
        self._on_agent = on_agent
        self._on_hang_up = on_hang_up
        self.reads_ahead: Callable[[], bool] = lambda: False
        """Whether the model may read what the person is saying while they say it."""
        self._reading: asyncio.Task[None] | None = None
        self._read = ""
        self.show: Callable[[str], None] = lambda text: None
        """Puts on the page what could not be spoken."""
        self.on_event: Callable[[Event], None] = lambda event: None
        """Is told of tools and errors."""
        self._clock = clock
        self._turns: dict[str, ActiveTurn] = {}
        """Of the replies that are being made or heard, by their handles."""
        self._tools_begun: set[str] = set()
        """Calls of tools that run."""
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def may_call_tools(self) -> bool:
        """Whether the agent that speaks now has any."""
        agent = self._conversation.agent
        return bool(agent.tools or agent.mcp)

    async def aclose(self) -> None:
        """What has been heard is written down; commitments that are still waited for are not."""
        tasks = list(self._tasks)
        for task in tasks:
            if not task.get_name().startswith("heard"):
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def hears(self, text: str) -> None:
        """The person has said this and goes on: the model may read it meanwhile, so that only the
        rest is left to read once they have ended; nothing, where these were their last words.
        One at a time: what comes next is longer."""
        text = text.strip()
        is_reading = self._reading is not None and not self._reading.done()
        if not text or text == self._read or is_reading or not self.reads_ahead():
            return
        self._read = text
        self._reading = self._run(self._conversation.hears(text), name="read-ahead")

    async def answer(self, reply: Reply, text: str) -> AsyncGenerator[str | FlushSentinel]:
        """What is to be said to `text`, piece by piece; closing it cancels the answer. With an
        empty text the agent speaks by itself."""
        asked_at = time.perf_counter()
        tracing.work_for(reply.trace)
        await self._read_out()
        turn = self._begin(reply, text)
        while True:
            self._turns[reply.handle.id] = turn
            logs.bind(turn=turn.id)
            next_agent: str | None = None
            sounds: asyncio.Event | None = None
            async with aclosing(turn.events()) as events:
                async for event in events:
                    if next_agent is None and not isinstance(event, Handoff):
                        self._speaks_as(self._conversation.agent)
                    match event:
                        case TextDelta(text=piece) if piece:
                            if reply.llm_first_token_s is None:
                                reply.llm_first_token_s = time.perf_counter() - asked_at
                                reply.mark("first_token")
                            reply.script.add(piece, turn_id=turn.id)
                            sounds = sounds or reply.begin_utterance()
                            yield piece
                        case Filler(text=filler):
                            sentence = f" {filler.strip()} "  # apart from the answer around it
                            reply.script.add(sentence, turn_id=None)
                            sounds = sounds or reply.begin_utterance()
                            yield sentence
                        case Handoff(agent=agent):
                            next_agent = agent
                        case HangUp():
                            reply.hangs_up = True
                        case ToolStarted() | ToolFinished():
                            asked_at = time.perf_counter()  # the model again, with the result
                            self._tool(reply, event)
                        case _:
                            self._once_taken(reply, partial(self._tell, event))
            if next_agent is None:
                return
            yield FlushSentinel()  # the agent that takes over may have another voice
            if sounds is not None:
                await sounds.wait()  # in the voice of the one before
            self._agent = self._conversation.agent
            self._on_agent(self._agent)
            asked_at = time.perf_counter()
            turn = self._conversation.turn("", waiting_since_s=self._clock())

    async def speak_by_itself(self, reply: Reply) -> AsyncGenerator[str]:
        """What the agent says without having been asked, piece by piece."""
        reply.was_taken = True
        async with aclosing(self.answer(reply, "")) as pieces:
            async for piece in pieces:
                if isinstance(piece, str):
                    yield piece

    def _speaks_as(self, agent: Agent) -> None:
        """A hand-off changes who speaks, and so does an experiment that begins or ends."""
        if agent is not self._agent:
            self._agent = agent
            self._on_agent(agent)

    def _begin(self, reply: Reply, text: str) -> ActiveTurn:
        spoken = reply.handle.input_details.modality == "audio"
        since_s = self._person.last_spoke_s if spoken else self._clock()
        turn = self._conversation.turn(text, waiting_since_s=since_s)
        reply.turn_id = turn.id
        self._commit_when_sure(reply, turn, silence_s=self._commit_silence_s if spoken else 0.0)
        reply.handle.add_done_callback(lambda _: self._reply_done(reply, turn))
        return turn

    async def _read_out(self) -> None:
        if self._reading is not None:
            await asyncio.wait({self._reading}, timeout=READ_OUT_S)
            self._reading.cancel()

    def _once_taken(self, reply: Reply, tell: Callable[[], None]) -> None:
        """Tells it now, or once the reply is no guess any more: of one that is dropped, nothing."""
        if reply.was_taken:
            tell()
        else:
            reply.untold.append(tell)

    def _tool(self, reply: Reply, event: ToolStarted | ToolFinished) -> None:
        self._once_taken(reply, partial(self.on_event, event))
        if isinstance(event, ToolStarted):
            self._tools_begun.add(event.call_id)
            self._once_taken(reply, partial(self._events.send, _begun(event)))
            return
        # A model may ask for names that there are not: they would each be a series.
        name = event.name if event.call_id in self._tools_begun else "none"
        self._tools_begun.discard(event.call_id)
        metrics.tool_latency_seconds.labels(name, event.outcome).observe(event.took_s)
        self._once_taken(reply, partial(self._events.send, _told(event)))

    def _late_end(self, event: ToolFinished) -> None:
        """A call has ended that had waited for approval."""
        metrics.tool_latency_seconds.labels(event.name, event.outcome).observe(event.took_s)
        self.on_event(event)
        self._events.send(_told(event))

    def _tell(self, event: Event) -> None:
        """Tells the room what is not said."""
        self.on_event(event)
        match event:
            case ApprovalPending(approval_id=approval_id, tool=tool, arguments=arguments):
                self._events.send(
                    ApprovalEvent(approval_id=approval_id, tool=tool, arguments=dict(arguments))
                )
            case Progress(message=message, step=step):
                self._events.send(ProgressEvent(step=step, message=message))
            case Clarification(question=question, options=options):
                self._events.send(ClarificationEvent(question=question, suggestions=tuple(options)))
            case Results(items=items, total=total, asked=asked):
                shown = tuple(map(dict, items))
                total = len(shown) if total is None else total
                self._events.send(ResultsEvent(items=shown, total=total, asked=dict(asked)))
            case Error(code=code, message=message, retryable=retryable):
                _log.error("%s: %s", code, message)
                metrics.answer_errors_total.labels(code).inc()
                if retryable and code != "model_no_answer":
                    code, message = LLM_UNAVAILABLE, MODEL_IS_AWAY
                self._events.error(code, message)

    def is_awaited(self, reply: Reply, *, audible: bool) -> bool:
        """Whether the person waits for an answer that can be told that they ask for it: nothing of
        it has been heard, or nothing of the reply is `audible` now."""
        turn = self._turns.get(reply.handle.id)
        if turn is None or not turn.reassures:
            return False
        return not audible or not reply.script.answer_has_begun(reply.heard)

    def asked_presence(self, reply: Reply, text: str) -> None:
        """While the reply is awaited the person has asked whether anybody is there."""
        if (turn := self._turns.get(reply.handle.id)) is not None:
            turn.asked_presence(text)

    def heard(self, reply: Reply, piece: str) -> None:
        """The next piece of the reply's transcript has sounded."""
        reply.heard += piece
        now_s = self._clock()
        if now_s - reply.heard_written_s >= HEARD_EVERY_S:
            reply.heard_written_s = now_s
            self._write_heard(reply, final=False)

    def unheard(self, reply: Reply, piece: str) -> None:
        """The last of what was told has reached nobody."""
        reply.heard = reply.heard.removesuffix(piece)
        self._write_heard(reply, final=False)

    def said(self, reply: Reply, text: str) -> None:
        """The reply says words of the agent's own, which are remembered: a greeting."""
        reply.script.add(text, turn_id=self._conversation.say(text))
        reply.was_taken = True
        reply.handle.add_done_callback(lambda _: self._reply_done(reply, None))

    def _commit_when_sure(self, reply: Reply, turn: ActiveTurn, *, silence_s: float) -> None:
        commitment = Commitment(
            silence_s=silence_s,
            last_spoke_s=lambda: self._person.last_spoke_s,
            is_contested=lambda: self._person.is_contested,
            words_owed=self._words_owed,
            clock=self._clock,
        )

        def taken() -> None:
            turn.taken()
            commitment.taken()
            for tell in reply.untold:
                tell()
            reply.untold.clear()

        async def commit() -> None:
            await commitment.sure()
            if not reply.handle.interrupted:
                turn.commit()

        reply.on_taken = taken
        if reply.was_taken:
            taken()

        task = self._run(commit(), name="commit")

        def end(_: SpeechHandle) -> None:
            task.cancel()

        reply.handle.add_done_callback(end)

    def _reply_done(self, reply: Reply, guess: ActiveTurn | None) -> None:
        self._turns.pop(reply.handle.id, None)
        if not reply.was_taken:  # nothing of it has happened
            if guess is not None:
                guess.drop()
            return
        if reply.unspoken and not reply.handle.interrupted:
            self.show(reply.unspoken)
            reply.heard += reply.unspoken
        self._write_heard(reply, final=True)
        if reply.hangs_up and not reply.handle.interrupted:
            self._on_hang_up()

    def _write_heard(self, reply: Reply, *, final: bool) -> None:
        for turn_id, text in reply.script.remembered(reply.heard).items():
            self._run(
                self._conversation.heard(
                    turn_id, text.strip(), interrupted=reply.handle.interrupted, final=final
                ),
                name="heard",
            )

    def _run(self, work: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _begun(event: ToolStarted) -> ToolStartedEvent:
    return ToolStartedEvent(
        call_id=event.call_id,
        name=event.name,
        arguments=dict(event.arguments),
        at_s=time.time(),
    )


def _told(event: ToolFinished) -> ToolEvent:
    return ToolEvent(
        call_id=event.call_id,
        name=event.name,
        arguments=dict(event.arguments),
        outcome=event.outcome,
        result=event.result,
        at_s=time.time(),
        took_ms=round(1000 * event.took_s, 1),
    )
