"""A voice call in which a tool waits for approval: the person talks on, and the agent says so when
the decision comes. Judged by what was heard, and by the record of the call."""

from collections.abc import Callable

import pytest

from caller.client import RoomClient
from caller.conversation import CallConversation, Recording
from dialogue.approvals.approval import ApprovalDecision
from dialogue.approvals.sql import SqlApprovals
from dialogue.text.languages.english import PHRASES as ENGLISH
from ops.supervisor.stack import Stack
from parley.audio import Audio
from parley.records.call import CallView
from parley.records.store import open_records, read_call
from parley.room_events import ApprovalEvent, ToolEvent
from parley.settings.record import RecordSection
from testkit.fake_llm import FakeLlm, Messages, ScriptedAnswer, ScriptedToolCall, last_user_text
from tests.agent.app_rooms import LONG_S, AppRooms, hears, start_apps
from tests.agent.test_room import spoken

pytestmark = [pytest.mark.servers, pytest.mark.e2e]

APP = '''
from parley import Agent, tool


@tool(needs_approval=True)
async def refund(euros: int) -> str:
    """Pays money back."""
    return f"{euros} euros were paid back"


agent = Agent(instructions="You are the desk of a shop.", tools=[refund], greeting="")
'''


def desk(messages: Messages) -> ScriptedAnswer:
    news = [str(m["content"]) for m in messages if "had to be confirmed" in str(m["content"])]
    if news and "has been done" in news[-1]:
        return ScriptedAnswer(text="Good news, your money is on its way.")
    if news:
        return ScriptedAnswer(text="I am sorry, the payment was turned down.")
    if "money" in last_user_text(messages).lower():
        return ScriptedAnswer(calls=[ScriptedToolCall("refund", {"euros": 5})])
    return ScriptedAnswer(text="We close at six o'clock.")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> RecordSection:
    return RecordSection(enabled=True, place=str(tmp_path_factory.mktemp("calls")))


@pytest.fixture(scope="module")
def rooms(
    start_stack: Callable[..., Stack],
    tmp_path_factory: pytest.TempPathFactory,
    place: RecordSection,
) -> AppRooms:
    folder = tmp_path_factory.mktemp("approvals")
    (folder / "shop.py").write_text(APP)
    return start_apps(
        start_stack,
        folder,
        {"shop": folder / "shop.py"},
        record={"enabled": True, "place": place.place},
    )


async def recordings(rooms: AppRooms) -> tuple[Audio, Audio]:
    return (
        await spoken(rooms.stack, "Please give me my money back."),
        await spoken(rooms.stack, "And when do you close?"),
    )


async def decided(rooms: AppRooms, *, approved: bool) -> None:
    """As an operator does, in another process than the call's."""
    place = rooms.stack.configuration.state_dir / "operations.db"
    approvals = SqlApprovals(place, timeout_s=LONG_S)
    (waiting,) = await approvals.pending()
    assert waiting.request.proposed_action == "refund(euros=5)"
    decision = ApprovalDecision(approved=approved, approver_id="ann", approval_notes="checked")
    await approvals.decide(waiting.id, decision)
    await approvals.aclose()


async def asked_and_talked_on(client: RoomClient, wish: Audio, question: Audio) -> None:
    conversation = CallConversation(client)
    turn = await conversation.turn(Recording("wish", wish))
    # A tool with effects waits for the turn to be sure, for which a filler may be said before.
    assert turn.report.agent_transcript.strip().endswith(ENGLISH.approval_asked)
    assert any(isinstance(each.event, ApprovalEvent) for each in client.events)
    turn = await conversation.turn(Recording("question", question))
    assert turn.report.agent_transcript.strip() == "We close at six o'clock."


def outcomes(client: RoomClient) -> list[str]:
    return [each.event.outcome for each in client.events if isinstance(each.event, ToolEvent)]


def last_call(place: RecordSection) -> CallView:
    store = open_records(place)
    return read_call(store, store.ids()[0])


def has_ended(place: RecordSection, *, turns: int) -> bool:
    """Whether the record has come so far; it is written beside the call."""
    if not open_records(place).ids():
        return False
    known = last_call(place).turns
    return len(known) >= turns and known[-1].ended


async def test_the_person_talks_on_and_hears_of_the_decision(
    rooms: AppRooms, place: RecordSection
) -> None:
    wish, question = await recordings(rooms)
    async with rooms.call(FakeLlm(desk), app="shop") as client:
        await asked_and_talked_on(client, wish, question)
        assert outcomes(client) == ["pending"]
        await decided(rooms, approved=True)
        assert await hears(client, "your money is on its way")
        assert outcomes(client) == ["pending", "done"]
        assert await client.reached(lambda: has_ended(place, turns=3), timeout_s=LONG_S), (
            "the record knows that it was heard"
        )
    call = last_call(place)
    assert [turn.heard for turn in call.turns] == [
        ENGLISH.approval_asked,
        "We close at six o'clock.",
        "Good news, your money is on its way.",
    ]
    assert "money" in call.turns[0].person.lower() and call.turns[2].person == ""
    (tool,) = call.turns[0].tools
    assert (tool.outcome, tool.result) == ("done", "5 euros were paid back")


async def test_a_refusal_is_told_as_well(rooms: AppRooms) -> None:
    wish, question = await recordings(rooms)
    async with rooms.call(FakeLlm(desk), app="shop") as client:
        await asked_and_talked_on(client, wish, question)
        await decided(rooms, approved=False)
        assert await hears(client, "the payment was turned down")
        assert outcomes(client) == ["pending", "refused"]
