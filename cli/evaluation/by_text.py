"""Holds scripted conversations by text, with the agent in this process."""

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field

import openai

from cli.evaluation.checks import Observed, plain_checks
from cli.evaluation.file import ScriptedConversation, ScriptedInterrupt, ScriptedTurn, Spoken
from cli.evaluation.judge import Judge
from cli.evaluation.report import CalledTool, Check, ConversationReport, TurnResult
from dialogue.approvals.approval import ApprovalDecision
from dialogue.approvals.memory import DecidedAtOnce
from dialogue.opening import conversing
from dialogue.sessions.memory import MemoryStore
from dialogue.sessions.store import SessionRecord
from dialogue.text_front import TextFront
from parley.app.agent import Agent
from parley.app.events import Error, HangUp, TextDelta, ToolFinished
from parley.clock import monotonic
from parley.errors import ParleyError
from parley.settings import OrchestratorSettings

SERVERS_WITHIN_S = 10.0
YIELDS_WITHIN_S = 1.0
"""Longest time from the interruption to the end of the answer."""


@dataclass
class _Heard:
    """An answer as it comes."""

    asked_s: float
    said: str = ""
    tools: list[CalledTool] = field(default_factory=list)
    first_s: float | None = None
    error: str = ""
    hung_up: bool = False
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def observed(self) -> Observed:
        return Observed(
            said=self.said.strip(), tools=self.tools, first_s=self.first_s, error=self.error
        )


@dataclass(frozen=True, kw_only=True)
class ByText:
    """Every conversation is a session of its own, kept in memory."""

    app: Agent
    settings: OrchestratorSettings
    client: openai.AsyncClient
    judge: Judge

    async def hold(self, conversation: ScriptedConversation, *, name: str) -> ConversationReport:
        """Holds it; what goes wrong is in the report."""
        turns: list[TurnResult] = []
        try:
            async with self._front(approve=conversation.approve) as front:
                await front.greet()
                for turn in conversation.turns:
                    reports, hung_up = await self._turn(front, turn)
                    turns += reports
                    if hung_up and turn is not conversation.turns[-1]:
                        raise HungUpError("the agent has hung up before the conversation was over")
        except ParleyError as error:
            return ConversationReport(name=name, turns=tuple(turns), error=str(error))
        return ConversationReport(name=name, turns=tuple(turns))

    @asynccontextmanager
    async def _front(self, *, approve: bool) -> AsyncGenerator[TextFront]:
        approving = ApprovalDecision(approved=True, approver_id="eval")
        approvals = DecidedAtOnce(approving) if approve else None
        record = SessionRecord(
            id=uuid.uuid4().hex,
            channel="text",
            language=self.settings.asr.language,
            began_at_s=time.time(),
        )
        async with conversing(
            self.app,
            record,
            self.settings,
            client=self.client,
            store=MemoryStore(),
            approvals=approvals,
            servers_within_s=SERVERS_WITHIN_S,
        ) as conversation:
            yield TextFront(conversation, default_greeting=self.settings.agent.greeting)

    async def _turn(self, front: TextFront, turn: ScriptedTurn) -> tuple[list[TurnResult], bool]:
        """The reports of its answers, and whether the agent has hung up."""
        if turn.interrupt is None:
            heard = await _answer(front, turn.say)
            return [await self._report(turn, heard)], heard.hung_up
        heard, gave_way = await _interrupted(front, turn.say, turn.interrupt)
        first = await self._report(turn, heard, gave_way)
        second = await _answer(front, turn.interrupt.say)
        return [first, await self._report(turn.interrupt, second)], second.hung_up

    async def _report(self, words: Spoken, heard: _Heard, *more: Check) -> TurnResult:
        observed = heard.observed
        checks = [*more, *plain_checks(words, observed)]
        if words.said is not None and words.said.judge:
            checks.append(
                await self.judge.check(words.said.judge, say=words.say, said=observed.said)
            )
        return TurnResult(
            say=words.say,
            said=observed.said,
            tools=tuple(observed.tools),
            first_s=observed.first_s,
            checks=tuple(checks),
        )


class HungUpError(ParleyError):
    """The agent ended a conversation that has turns left."""


async def _answer(front: TextFront, text: str) -> _Heard:
    heard = _Heard(monotonic())
    await _hear(front, text, heard)
    return heard


async def _hear(front: TextFront, text: str, heard: _Heard) -> None:
    try:
        async with aclosing(front.answer(text)) as events:
            async for event in events:
                match event:
                    case TextDelta(piece):
                        if heard.first_s is None:
                            heard.first_s = round(monotonic() - heard.asked_s, 3)
                        heard.said += piece
                        heard.begun.set()
                    case ToolFinished(name=name, arguments=arguments, outcome=outcome):
                        heard.tools.append(
                            CalledTool(name=name, arguments=dict(arguments), outcome=outcome)
                        )
                    case Error(message=message):
                        heard.error = message
                    case HangUp():
                        heard.hung_up = True
    finally:
        heard.begun.set()


async def _interrupted(
    front: TextFront, text: str, interrupt: ScriptedInterrupt
) -> tuple[_Heard, Check]:
    heard = _Heard(monotonic())
    answering = asyncio.create_task(_hear(front, text, heard))
    try:
        await heard.begun.wait()
        await asyncio.wait({answering}, timeout=interrupt.after_s)
        if answering.done():
            detail = f"the answer was over within {interrupt.after_s:g} s"
            return heard, Check(name="gives way", status="skipped", detail=detail)
        interrupted_s = monotonic()
        answering.cancel()
        await asyncio.wait({answering}, timeout=YIELDS_WITHIN_S)
        if answering.done():
            return heard, Check(name="gives way", status="passed")
        detail = f"it went on for more than {YIELDS_WITHIN_S:g} s"
        await asyncio.wait({answering})
        detail += f" ({monotonic() - interrupted_s:.1f} s)"
        return heard, Check(name="gives way", status="failed", detail=detail)
    finally:
        answering.cancel()
        ended = await asyncio.gather(answering, return_exceptions=True)
        if isinstance(ended[0], Exception):
            raise ended[0]
