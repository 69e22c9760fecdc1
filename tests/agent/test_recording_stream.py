"""The stream of a call's turn-taking recording keeps little, whatever becomes of the caller."""

import asyncio
import tracemalloc
from collections.abc import Callable
from typing import cast

import pytest
from livekit import rtc

from agent.turns.recording_stream import KEPT_LINES, RecordingStream


class Caller:
    """The room with the caller in it, who takes the stream, or lets it wait."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.arrived = asyncio.Event()
        self.takes = asyncio.Event()
        self._left: Callable[[object], None] = lambda participant: None

    @property
    def local_participant(self) -> "Caller":
        return self

    def on(self, event: str, callback: Callable[[object], None]) -> None:
        assert event == "participant_disconnected"
        self._left = callback

    def off(self, event: str, callback: Callable[[object], None]) -> None:
        pass

    def isconnected(self) -> bool:
        return True

    async def stream_text(self, *, topic: str) -> "Caller":
        return self

    async def write(self, text: str) -> None:
        await self.takes.wait()
        self.lines += text.splitlines()
        self.arrived.set()

    def leaves(self) -> None:
        self._left(None)


async def test_lines_are_sent_while_the_caller_is_there() -> None:
    caller = Caller()
    caller.takes.set()
    stream = RecordingStream(cast(rtc.Room, caller))
    stream.start()
    stream.write("one")
    stream.write("two")
    await caller.arrived.wait()
    await stream.aclose()
    assert caller.lines == ["one", "two"]


async def grown_by(stream: RecordingStream, lines: int) -> int:
    """Bytes that are kept of so many lines of 100 letters."""
    tracemalloc.start()
    for n in range(lines):
        stream.write(f"{n:0100d}")
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return grown


@pytest.mark.parametrize("takes", [True, False])
@pytest.mark.parametrize("before", [0, 1, 300])
async def test_nothing_is_kept_once_the_caller_has_left(before: int, takes: bool) -> None:
    caller = Caller()
    if takes:
        caller.takes.set()
    stream = RecordingStream(cast(rtc.Room, caller))
    stream.start()
    for number in range(before):
        stream.write(str(number))
    caller.leaves()
    assert await grown_by(stream, 20_000) < 20_000
    await stream.aclose()


@pytest.mark.parametrize("lines", [2 * KEPT_LINES, 4 * KEPT_LINES, 9 * KEPT_LINES])
async def test_of_a_caller_who_takes_nothing_a_bounded_part_is_kept(lines: int) -> None:
    stream = RecordingStream(cast(rtc.Room, Caller()))
    stream.start()
    assert await grown_by(stream, lines) < 300 * KEPT_LINES
    await stream.aclose()
