"""What the agent complained of is taken back in the room once it is over."""

from dataclasses import dataclass, field
from typing import cast

from livekit import rtc

from agent.room.events import REPEAT_AFTER_S, RoomEventPublisher
from agent.room.history import tell_history
from parley.room_events import HISTORY_ATTRIBUTE, AnyEvent, RecoveredEvent, decode


@dataclass
class ToldRoom:
    """Keeps what its clients are told; its only participant is itself."""

    events: list[AnyEvent] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)

    @property
    def local_participant(self) -> "ToldRoom":
        return self

    def isconnected(self) -> bool:
        return True

    async def publish_data(self, payload: bytes, *, reliable: bool, topic: str) -> None:
        self.events.append(decode(payload))

    async def set_attributes(self, attributes: dict[str, str]) -> None:
        self.attributes |= attributes


async def test_an_error_that_is_over_is_taken_back_and_told_at_once_when_it_comes_again() -> None:
    now_s, room = 100.0, ToldRoom()
    events = RoomEventPublisher(cast(rtc.Room, room), clock=lambda: now_s)
    assert events.error("asr_unavailable", "deaf")
    assert not events.error("asr_unavailable", "deaf")  # the same loss
    events.recovered("asr_unavailable")
    assert events.error("asr_unavailable", "deaf again")
    await events.aclose()
    assert [event.type for event in room.events] == ["error", "recovered", "error"]
    assert room.events[1] == RecoveredEvent(code="asr_unavailable")


async def test_what_nobody_was_told_of_is_not_taken_back() -> None:
    room = ToldRoom()
    events = RoomEventPublisher(cast(rtc.Room, room), clock=lambda: REPEAT_AFTER_S)
    events.recovered("asr_unavailable")
    assert events.error("tts_unavailable", "mute")
    events.recovered("asr_unavailable")
    await events.aclose()
    assert [event.type for event in room.events] == ["error"]


async def test_the_room_is_told_whether_the_agent_knows_what_was_said() -> None:
    room = ToldRoom()
    await tell_history(cast(rtc.Room, room), is_kept=False)
    assert room.attributes == {HISTORY_ATTRIBUTE: "new"}
    await tell_history(cast(rtc.Room, room), is_kept=True)
    assert room.attributes == {HISTORY_ATTRIBUTE: "kept"}
