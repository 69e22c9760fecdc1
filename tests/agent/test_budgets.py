"""What one caller may ask of an agent: messages, changes of the voice."""

from typing import cast

import pytest
from livekit import rtc
from livekit.agents import AgentSession, room_io

from agent.room.events import RoomEventPublisher
from agent.room.text_input import MESSAGES_PER_MINUTE, TypedText
from agent.turns.report import TurnReport
from parley.room_events import ErrorEvent
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
