"""The agent says by itself what came of a call that waited, in the real framework's session."""

import asyncio

import pytest
from livekit.agents import UserStateChangedEvent

from agent.late_news import LateNews
from dialogue.approvals import held_calls
from dialogue.approvals.approval import ApprovalDecision
from dialogue.approvals.memory import MemoryApprovals
from dialogue.text.languages.english import PHRASES as ENGLISH
from parley import Agent, tool
from testkit.fake_llm import FakeLlm, Messages, ScriptedAnswer, ScriptedToolCall, last_user_text
from tests.agent.test_framework_contract import END, FINAL, START, Talk, talk_with, until

NEWS = "Good news, it was paid."
QUIET_S = 0.05


@tool(needs_approval=True)
async def refund(euros: int) -> str:
    """Pays money back."""
    return f"{euros} euros were paid back"


AGENT = Agent(instructions="You are a shop.", tools=[refund])


def desk(messages: Messages) -> ScriptedAnswer:
    if any("had to be confirmed" in str(message["content"]) for message in messages):
        return ScriptedAnswer(text=NEWS)
    if "money" in last_user_text(messages):
        return ScriptedAnswer(calls=[ScriptedToolCall("refund", {"euros": 5})])
    return ScriptedAnswer(text="We close at six.")


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_calls, "LOOK_EVERY_S", 0.01)


def follow(talk: Talk) -> LateNews:
    news = LateNews(talk.conversation, talk.session, talk.answering, talk.report, quiet_s=QUIET_S)
    return news.follow()


async def said(talk: Talk, words: str, answer: str) -> None:
    """The person says it, and the agent answers."""
    talk.hears(START)
    talk.hears(FINAL, words)
    talk.hears(END)
    await until(lambda: answer in " ".join(talk.voice.texts))
    await until(lambda: talk.session.agent_state == "listening")


async def approve(approvals: MemoryApprovals) -> None:
    (waiting,) = await approvals.pending()
    await approvals.decide(waiting.id, ApprovalDecision(approved=True, approver_id="ann"))


async def test_the_person_talks_on_and_then_the_agent_tells_the_news_unasked() -> None:
    approvals = MemoryApprovals()
    async with talk_with(AGENT, FakeLlm(desk), approvals=approvals) as talk:
        news = follow(talk)
        await said(talk, "Give me my money back.", ENGLISH.approval_asked)
        await said(talk, "When do you close?", "We close at six.")
        await approve(approvals)
        await until(lambda: NEWS in " ".join(talk.voice.texts))
        assert talk.logged() == ["Give me my money back.", "When do you close?"]
        await news.aclose()


async def test_nothing_is_said_while_the_person_speaks() -> None:
    approvals = MemoryApprovals()
    async with talk_with(AGENT, FakeLlm(desk), approvals=approvals) as talk:
        news = follow(talk)
        await said(talk, "Give me my money back.", ENGLISH.approval_asked)
        speaking = asyncio.Event()

        def changed(event: UserStateChangedEvent) -> None:
            if event.new_state == "speaking":
                speaking.set()

        talk.session.on("user_state_changed", changed)
        talk.hears(START)
        await speaking.wait()
        await approve(approvals)
        await until(lambda: bool(talk.conversation.news))
        await asyncio.sleep(4 * QUIET_S)  # what must not happen has no event
        assert NEWS not in " ".join(talk.voice.texts)
        talk.hears(FINAL, "When do you close?")
        talk.hears(END)
        await until(lambda: NEWS in " ".join(talk.voice.texts))
        await news.aclose()
