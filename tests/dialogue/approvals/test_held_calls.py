"""A call that waits for approval: the conversation goes on, and what came of the call is told."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dialogue.approvals import held_calls
from dialogue.approvals.approval import Approval, ApprovalDecision
from dialogue.approvals.memory import DecidedAtOnce
from dialogue.approvals.sql import SqlApprovals
from dialogue.approvals.store import ApprovalStore
from dialogue.conversation import Conversation
from dialogue.text.languages.english import PHRASES as ENGLISH
from dialogue.unfinished import CUT_OFF
from parley import Agent, ToolContext, tool
from parley.app.events import ApprovalPending, HangUp, ToolFinished, ToolStarted
from parley.app.session import ToolCalled
from testkit.fake_llm import FakeLlm, Messages, ScriptedAnswer, ScriptedToolCall
from tests.dialogue.conversing import KeptInMemory, all_of, ask, conversing, of, said

ENOUGH_S = 30.0


@dataclass
class Shop:
    paid: list[int] = field(default_factory=list)

    def agent(self) -> Agent:
        @tool(needs_approval=True)
        async def refund(amount: int, context: ToolContext) -> str:
            """Pays back."""
            self.paid.append(amount)
            if amount == 99:
                context.hang_up()
            return f"Paid {amount}."

        return Agent(tools=[refund])


def answered(messages: Messages) -> ScriptedAnswer:
    """As a model would: it calls the tool for "refund N", tells news, and else chats."""
    told = [m["content"] for m in messages if m["role"] == "system" and "had to be" in m["content"]]
    if told:
        return ScriptedAnswer(text=f"News: {told[-1]}")
    last = messages[-1]
    if last["role"] == "user" and "refund" in last["content"]:
        amount = int(last["content"].split()[-1])
        return ScriptedAnswer(calls=(ScriptedToolCall("refund", {"amount": amount}),))
    if last["role"] == "tool":
        return ScriptedAnswer(text=f"Result: {last['content']}")
    return ScriptedAnswer(text="It is sunny.")


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_calls, "LOOK_EVERY_S", 0.01)


@pytest.fixture
async def approvals(tmp_path: Path) -> AsyncIterator[SqlApprovals]:
    store = SqlApprovals(tmp_path / "operations.db", timeout_s=ENOUGH_S)
    yield store
    await store.aclose()


async def decide(approvals: ApprovalStore, *, approved: bool = True, notes: str = "") -> Approval:
    (waiting,) = await approvals.pending()
    decision = ApprovalDecision(approved=approved, approver_id="ann", approval_notes=notes)
    return await approvals.decide(waiting.id, decision)


async def news_of(conversation: Conversation) -> None:
    """Waits until there are some."""
    arrived = asyncio.Event()
    conversation.tell_news(arrived.set)
    async with asyncio.timeout(ENOUGH_S):
        await arrived.wait()


async def told_by_itself(conversation: Conversation) -> str:
    await news_of(conversation)
    return said(await ask(conversation, ""))


async def test_the_person_is_told_at_once_and_talks_on_and_then_hears_how_it_ended(
    approvals: SqlApprovals,
) -> None:
    shop, llm = Shop(), FakeLlm(answered)
    async with conversing(llm, shop.agent(), approvals=approvals) as conversation:
        events = await ask(conversation, "Please refund 5")
        assert said(events) == ENGLISH.approval_asked
        (pending,) = of(events, ApprovalPending)
        assert (pending.tool, pending.arguments) == ("refund", {"amount": 5})
        assert [end.outcome for end in of(events, ToolFinished)] == ["pending"]
        assert of(events, ToolStarted) == []

        assert said(await ask(conversation, "How is the weather?")) == "It is sunny."
        assert shop.paid == []
        (waiting,) = await approvals.pending()
        assert waiting.request.orchestration_id == "s1"
        assert waiting.request.proposed_action == "refund(amount=5)"
        assert waiting.request.context.state_summary == "Please refund 5"

        await decide(approvals)
        told = await told_by_itself(conversation)
        assert "was confirmed and has been done: Paid 5." in told
        assert shop.paid == [5]
        assert list(conversation.news) == []
        assert said(await ask(conversation, "How is the weather?")) == "It is sunny."
        calls = of(conversation.session.log.entries, ToolCalled)
        assert [(call.outcome, call.turn_id == calls[0].turn_id) for call in calls] == [
            ("pending", True), ("done", True),
        ]  # fmt: skip
    assert {"role": "tool", "tool_call_id": calls[0].call_id, "content": "Paid 5."} in llm.messages
    assert await approvals.followed("s1") == []


async def test_who_speaks_first_is_told_within_the_answer(approvals: SqlApprovals) -> None:
    shop = Shop()
    async with conversing(FakeLlm(answered), shop.agent(), approvals=approvals) as conversation:
        await ask(conversation, "Please refund 5")
        await decide(approvals)
        await news_of(conversation)
        assert "has been done: Paid 5." in said(await ask(conversation, "Are you there?"))
        assert list(conversation.news) == []


async def test_news_that_was_cut_short_is_told_again(approvals: SqlApprovals) -> None:
    shop = Shop()
    async with conversing(FakeLlm(answered), shop.agent(), approvals=approvals) as conversation:
        await ask(conversation, "Please refund 5")
        await decide(approvals)
        await news_of(conversation)
        turn = conversation.turn("", waiting_since_s=0.0)
        await all_of(turn)
        await conversation.heard(turn.id, "News: What", interrupted=True)
        assert "Paid 5." in said(await ask(conversation, "What?"))
        assert list(conversation.news) == []
    assert shop.paid == [5]


async def test_a_refusal_is_told_with_its_reason_and_nothing_is_done(
    approvals: SqlApprovals,
) -> None:
    shop = Shop()
    async with conversing(FakeLlm(answered), shop.agent(), approvals=approvals) as conversation:
        await ask(conversation, "Please refund 5")
        await decide(approvals, approved=False, notes="too much")
        told = await told_by_itself(conversation)
        assert "was refused, and has not been done: too much." in told
        (_, end) = of(conversation.session.log.entries, ToolCalled)
        assert (end.outcome, end.result) == ("refused", "Refused: too much.")
    assert shop.paid == []


async def test_what_nobody_decides_is_told_and_cannot_be_approved_any_more(
    approvals: SqlApprovals,
) -> None:
    shop = Shop()
    async with conversing(
        FakeLlm(answered), shop.agent(), approvals=approvals, approval_expires_s=0.05
    ) as conversation:
        await ask(conversation, "Please refund 5")
        assert "was not confirmed in time" in await told_by_itself(conversation)
    assert shop.paid == []
    assert (await approvals.stats()).expired == 1


async def test_the_same_call_is_not_asked_for_twice(approvals: SqlApprovals) -> None:
    async with conversing(FakeLlm(answered), Shop().agent(), approvals=approvals) as conversation:
        await ask(conversation, "Please refund 5")
        events = await ask(conversation, "I said refund 5")
        assert said(events) == ENGLISH.approval_asked
        assert of(events, ApprovalPending) == []
        assert len(await approvals.pending()) == 1


async def test_after_a_restart_the_decision_is_acted_on_in_the_same_session(
    approvals: SqlApprovals,
) -> None:
    shop, kept = Shop(), KeptInMemory()
    async with conversing(
        FakeLlm(answered), shop.agent(), store=kept, approvals=approvals
    ) as conversation:
        await ask(conversation, "Please refund 5")
    await decide(approvals)  # nobody holds the session: nothing is done behind the person's back
    assert shop.paid == []
    async with conversing(
        FakeLlm(answered), shop.agent(), store=kept, approvals=approvals
    ) as conversation:
        assert "has been done: Paid 5." in await told_by_itself(conversation)
        assert [call.outcome for call in of(conversation.session.log.entries, ToolCalled)] == [
            "pending", "done",
        ]  # fmt: skip
    assert shop.paid == [5]


async def test_what_was_done_but_not_told_before_a_restart_is_told_and_not_done_again(
    approvals: SqlApprovals,
) -> None:
    shop, kept = Shop(), KeptInMemory()
    async with conversing(
        FakeLlm(answered), shop.agent(), store=kept, approvals=approvals
    ) as conversation:
        await ask(conversation, "Please refund 5")
        await decide(approvals)
        await news_of(conversation)
    async with conversing(
        FakeLlm(answered), shop.agent(), store=kept, approvals=approvals
    ) as conversation:
        assert "has been done: Paid 5." in await told_by_itself(conversation)
    assert shop.paid == [5]


async def test_a_call_that_was_cut_off_by_a_crash_is_not_made_again(
    approvals: SqlApprovals,
) -> None:
    shop, kept = Shop(), KeptInMemory()
    async with conversing(
        FakeLlm(answered), shop.agent(), store=kept, approvals=approvals
    ) as conversation:
        await ask(conversation, "Please refund 5")
    decided = await decide(approvals)
    assert await approvals.claim(decided.id)  # by a process that then died
    async with conversing(
        FakeLlm(answered), shop.agent(), store=kept, approvals=approvals
    ) as conversation:
        assert CUT_OFF in await told_by_itself(conversation)
    assert shop.paid == []


async def test_of_two_processes_that_hold_the_session_one_acts(approvals: SqlApprovals) -> None:
    shop, kept = Shop(), KeptInMemory()
    async with conversing(FakeLlm(answered), shop.agent(), store=kept, approvals=approvals) as one:
        await ask(one, "Please refund 5")
        async with conversing(
            FakeLlm(answered), shop.agent(), store=kept, approvals=approvals
        ) as other:
            await decide(approvals)
            arrived = asyncio.Event()
            one.tell_news(arrived.set)
            other.tell_news(arrived.set)
            async with asyncio.timeout(ENOUGH_S):
                await arrived.wait()
    assert shop.paid == [5]


async def test_a_tool_that_ran_late_may_still_end_the_call(approvals: SqlApprovals) -> None:
    async with conversing(FakeLlm(answered), Shop().agent(), approvals=approvals) as conversation:
        await ask(conversation, "Please refund 99")
        await decide(approvals)
        await news_of(conversation)
        assert len(of(await ask(conversation, ""), HangUp)) == 1


async def test_what_is_approved_at_once_runs_within_the_answer() -> None:
    shop = Shop()
    approvals = DecidedAtOnce(ApprovalDecision(approved=True, approver_id="policy"))
    async with conversing(FakeLlm(answered), shop.agent(), approvals=approvals) as conversation:
        assert said(await ask(conversation, "Please refund 5")) == "Result: Paid 5."
    assert await approvals.followed("s1") == []
    no = ApprovalDecision(approved=False, approver_id="policy", approval_notes="no")
    async with conversing(
        FakeLlm(answered), shop.agent(), approvals=DecidedAtOnce(no)
    ) as conversation:
        assert said(await ask(conversation, "Please refund 6")) == "Result: Refused: no."
    assert shop.paid == [5]


async def test_an_approval_that_cannot_be_asked_for_is_a_refusal(tmp_path: Path) -> None:
    blocked = tmp_path / "a-file"
    blocked.write_text("")
    away = SqlApprovals(blocked / "operations.db")
    shop = Shop()
    async with conversing(FakeLlm(answered), shop.agent(), approvals=away) as conversation:
        told = said(await ask(conversation, "Please refund 5"))
        assert told == "Result: Refused: approval cannot be asked for now."
    assert shop.paid == []
