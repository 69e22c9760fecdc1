"""What one caller may ask of an agent: messages, changes of the voice."""

from typing import cast

import pytest
from livekit import rtc
from livekit.agents import AgentSession, room_io

from agent.person_budget import PersonBudget
from agent.room.events import RoomEventPublisher
from agent.room.text_input import MESSAGES_PER_MINUTE, TypedText
from agent.turns.report import TurnReport
from parley.room_events import DispatchMetadata, ErrorEvent
from parley.settings import OrchestratorSettings
from parley.settings.budgets import BudgetsSection
from parley.settings.orchestrator import AgentSection
from parley.token_bucket import TokenBucket
from tests.agent.test_session import Room


class Session:
    """Counts what it is asked to answer."""

    current_speech = None

    def __init__(self) -> None:
        self.asked: list[str] = []

    def on(self, *_: object) -> None: ...

    async def interrupt(self) -> None: ...

    def generate_reply(self, *, user_input: str, input_modality: str) -> None:
        self.asked.append(user_input)


@pytest.mark.parametrize("message", ["message {}", "the same", "🙂", "word " * 500])
async def test_three_hundred_messages_at_once_are_not_three_hundred_requests(message: str) -> None:
    room, session = Room(), Session()
    events = RoomEventPublisher(cast(rtc.Room, room))
    report = TurnReport(cast(AgentSession[None], session), events, hearing=None)
    typed = TypedText(events, report)
    for number in range(300):
        text = room_io.TextInputEvent(text=message.format(number))
        await typed(cast(AgentSession[None], session), text)
    await events.aclose()
    assert len(session.asked) == MESSAGES_PER_MINUTE
    codes = [error.code for error in room.events if isinstance(error, ErrorEvent)]
    assert codes.count("too_many_messages") == 1  # told once


def person(**wishes: object) -> PersonBudget:
    settings = OrchestratorSettings(
        budgets=BudgetsSection(messages_per_hour=2, voice_changes_per_hour=1)
    )
    return PersonBudget(settings, DispatchMetadata.model_validate(wishes))


async def test_who_has_used_up_their_messages_is_told_so_and_not_answered() -> None:
    room, session = Room(), Session()
    events = RoomEventPublisher(cast(rtc.Room, room))
    report = TurnReport(cast(AgentSession[None], session), events, hearing=None)
    budget = person(budget="ann")
    typed = TypedText(events, report, spends=budget.message)
    for text in ("one", "two", "three", "four"):
        await typed(cast(AgentSession[None], session), room_io.TextInputEvent(text=text))
    await events.aclose()
    await budget.aclose()
    assert session.asked == ["one", "two"]
    (told,) = [event for event in room.events if isinstance(event, ErrorEvent)]
    assert told.code == "budget_spent"
    assert "as many messages as you may for now: try again in 30 minutes." in told.message


async def test_a_call_without_an_account_is_its_own() -> None:
    budget = person(user="caller-1")
    assert await budget.voice_change() is None
    assert await budget.voice_change() is not None
    await budget.aclose()


@pytest.mark.parametrize(
    ("of_app", "of_settings", "left_s", "longest_s"),
    [
        (None, 3600, None, 3600),
        (600, 3600, None, 600),
        (None, 0, None, None),
        (None, 0, 90.5, 90.5),
        (600, 3600, 300.0, 300.0),
        (600, 3600, 900.0, 600),
        (600, 3600, 0.0, 1.0),
    ],
)
async def test_a_call_lasts_no_longer_than_app_settings_and_budget_allow(
    of_app: float | None, of_settings: int, left_s: float | None, longest_s: float | None
) -> None:
    settings = OrchestratorSettings(agent=AgentSection(max_call_s=of_settings))
    budget = PersonBudget(settings, DispatchMetadata(longest_s=left_s))
    assert budget.longest_s(of_app) == longest_s
    await budget.aclose()


@pytest.mark.parametrize("per_minute", [1, 6, 60])
def test_a_bucket_gives_its_number_at_once_and_then_as_many_a_minute(per_minute: int) -> None:
    now_s = 100.0
    bucket = TokenBucket(per_minute, lambda: now_s)
    assert [bucket.retry_after_s() for _ in range(per_minute)] == [None] * per_minute
    wait_s = bucket.retry_after_s()
    assert wait_s is not None
    assert wait_s <= 60 / per_minute + 1
    now_s += wait_s
    assert bucket.retry_after_s() is None
    now_s += 3600
    assert [bucket.retry_after_s() for _ in range(per_minute)] == [None] * per_minute
    assert bucket.retry_after_s() is not None
