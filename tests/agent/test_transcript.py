"""The page's transcript: each word once, whoever comes and whatever is taken back meanwhile."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import pytest
from livekit import rtc

from agent.room.transcript import HeardTranscript


@dataclass
class Stream:
    """What a reader who was there from its beginning has of it."""

    text: str = ""
    ended: bool = False

    async def write(self, piece: str) -> None:
        self.text += piece

    async def aclose(self, *, attributes: dict[str, str]) -> None:
        self.ended = True


@dataclass
class Room:
    """The end of the room that text streams are written into."""

    streams: list[Stream] = field(default_factory=list)
    followers: dict[str, Callable[..., None]] = field(default_factory=dict)
    remote_participants: dict[str, str] = field(default_factory=lambda: {"ada": "caller"})

    @property
    def local_participant(self) -> "Room":
        return self

    def on(self, event: str, follower: Callable[..., None]) -> None:
        self.followers[event] = follower

    async def stream_text(self, *, topic: str, attributes: dict[str, str]) -> Stream:
        self.streams.append(Stream())
        return self.streams[-1]

    async def shown(self, *texts: str) -> None:
        """Waits until these are the streams, all but the last ended."""
        async with asyncio.timeout(10):
            while [stream.text for stream in self.streams] != list(texts):  # noqa: ASYNC110
                await asyncio.sleep(0)
        assert [stream.ended for stream in self.streams[:-1]] == [True] * (len(texts) - 1)


@pytest.fixture
async def room() -> Room:
    return Room()


@pytest.mark.parametrize("event", ["reconnected", "participant_connected"])
async def test_who_comes_in_the_middle_of_a_reply_reads_the_rest_of_it(
    room: Room, event: str
) -> None:
    transcript = HeardTranscript(cast(rtc.Room, room))
    for piece in ("Once ", "upon "):
        transcript.heard(piece)
    await room.shown("Once upon ")
    room.followers[event]()
    transcript.heard("a ")
    await room.shown("Once upon ", "a ")
    transcript.heard("time.")
    transcript.ended()
    room.followers[event]()  # between two replies nothing begins
    transcript.heard("Hello.")
    await room.shown("Once upon ", "a time.", "Hello.")
    await transcript.aclose()


@pytest.mark.parametrize(
    ("meanwhile", "taken_back", "again"),
    [
        (["a "], [], ["time."]),
        (["a ", "ti"], ["a ti"], ["a ", "time."]),
        (["a "], ["upon a "], ["upon ", "a ", "time."]),
        ([], ["upon "], ["upon ", "a time."]),
    ],
)
async def test_what_sounds_while_the_room_is_away_is_shown_once_it_is_back(
    room: Room, meanwhile: list[str], taken_back: list[str], again: list[str]
) -> None:
    transcript = HeardTranscript(cast(rtc.Room, room))
    transcript.heard("Once upon ")
    await room.shown("Once upon ")
    room.followers["reconnecting"]()
    for piece in meanwhile:
        transcript.heard(piece)
    for piece in taken_back:
        transcript.unheard(piece)
    await asyncio.sleep(0)
    await room.shown("Once upon ")
    room.followers["reconnected"]()
    for piece in again:
        transcript.heard(piece)
    await room.shown("Once upon ", "a time.")
    await transcript.aclose()


async def test_what_sounds_before_the_person_is_back_in_the_room_is_shown_to_them(
    room: Room,
) -> None:
    transcript = HeardTranscript(cast(rtc.Room, room))
    transcript.heard("Once ")
    await room.shown("Once ")
    room.followers["reconnecting"]()
    room.remote_participants.clear()
    transcript.heard("upon ")
    room.followers["reconnected"]()
    transcript.heard("a ")
    await asyncio.sleep(0)
    await room.shown("Once ")
    room.remote_participants["ada"] = "caller"
    room.followers["participant_connected"]("ada")
    transcript.heard("time.")
    await room.shown("Once ", "upon a time.")
    await transcript.aclose()


@pytest.mark.parametrize(
    ("taken_back", "again"),
    [
        (["upon "], ["upon ", "a ", "time."]),
        (["Once upon "], ["Once ", "upon ", "a time."]),
        (["Once upon "], ["Once upon a ", "time."]),
        (["upon ", "Once "], ["On", "ce up", "on a time."]),
    ],
)
async def test_what_is_said_again_after_a_cut_line_is_shown_once(
    room: Room, taken_back: list[str], again: list[str]
) -> None:
    transcript = HeardTranscript(cast(rtc.Room, room))
    transcript.heard("Once ")
    transcript.heard("upon ")
    for piece in taken_back:
        transcript.unheard(piece)
    for piece in again:
        transcript.heard(piece)
    await room.shown("Once upon a time.")
    await transcript.aclose()


async def test_what_a_cut_reply_would_have_said_again_is_not_taken_from_the_next(
    room: Room,
) -> None:
    transcript = HeardTranscript(cast(rtc.Room, room))
    transcript.heard("Once upon ")
    transcript.unheard("upon ")
    transcript.ended()
    transcript.heard("Yes?")
    await room.shown("Once upon ", "Yes?")
    await transcript.aclose()
