"""A person's line is cut in a real room: nothing is said to nobody, and nothing is lost.

The caller is a process of its own, which is stopped: like a network that is gone it sends nothing
and takes nothing, and says nothing of it.
"""

import asyncio
import signal
import subprocess
from collections.abc import AsyncGenerator, Callable
from contextlib import ExitStack, asynccontextmanager
from typing import Literal

import numpy as np
import pytest
from livekit import api, rtc
from livekit.agents.types import USERDATA_TIMED_TRANSCRIPT, TimedString

from agent.playout.output import Playout
from agent.room.line import Line, Microphones
from caller.access import Access
from ops.supervisor.stack import Stack
from testkit.caller_process import caller_process

pytestmark = pytest.mark.servers

RATE_HZ = 24_000
WORD_S = 0.25
WORDS = 36
NOTICED_WITHIN_S = 40.0
"""On a loaded machine; as a rule it takes two seconds."""
OFF_BY_S = 0.5
"""The packets of a caller stop within so long of the signal, there and here."""
AWAY_S = (0.3, 1.5, 0.3)
"""Beyond what it takes to be noticed."""


class LineAgent:
    """What of an agent plays a reply and watches the line, without its workers."""

    def __init__(self) -> None:
        self.room = rtc.Room()
        self.source = rtc.AudioSource(RATE_HZ, 1, queue_size_ms=600)
        self.heard: list[str] = []
        self.playout = Playout(
            self.source,
            sample_rate_hz=RATE_HZ,
            on_heard=self._on_heard,
            on_unheard=self._on_unheard,
            pressure=lambda: 0.0,
        )
        self.line = Line(self.playout, Microphones(self.room).packets)
        self.playout.may_end = lambda: not self.line.is_doubtful
        self._changed = asyncio.Event()

    def _on_heard(self, text: str) -> None:
        self.heard += text.split()

    def _on_unheard(self, text: str) -> None:
        taken_back = text.split()
        assert self.heard[len(self.heard) - len(taken_back) :] == taken_back
        del self.heard[len(self.heard) - len(taken_back) :]

    async def hears(self, track: rtc.Track) -> None:
        stream = rtc.AudioStream(track, sample_rate=16_000, num_channels=1, frame_size_ms=32)
        async for event in stream:
            self.line.push(event.frame)
            self._changed.set()

    async def says(self, words: int) -> None:
        for number in range(words):
            samples = np.full(round(WORD_S * RATE_HZ), 3000, np.int16)
            frame = rtc.AudioFrame(samples.tobytes(), RATE_HZ, 1, len(samples))
            start_s = number * WORD_S
            word = TimedString(f"w{number} ", start_time=start_s, end_time=start_s + WORD_S)
            frame.userdata[USERDATA_TIMED_TRANSCRIPT] = [word]
            await self.playout.capture_frame(frame)
        self.playout.flush()
        await self.playout.wait_for_playout()

    async def reached(self, state: Callable[[], bool]) -> None:
        async with asyncio.timeout(NOTICED_WITHIN_S):
            while not state():
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def in_a_room(livekit: Stack) -> AsyncGenerator[tuple[LineAgent, subprocess.Popen[str]]]:
    """The agent, and the caller's process, whose microphone is heard."""
    url, keys = livekit.configuration.orchestrator.livekit.url, livekit.keys

    def token(identity: str, kind: Literal["standard", "agent"] = "standard") -> str:
        grants = api.VideoGrants(room_join=True, room="cut-line")
        made = api.AccessToken(keys.api_key, keys.api_secret).with_identity(identity)
        return made.with_grants(grants).with_kind(kind).to_jwt()

    agent, published = LineAgent(), asyncio.Event()
    hearing: list[asyncio.Task[None]] = []

    @agent.room.on("track_subscribed")
    def subscribed(track: rtc.Track, *_: object) -> None:
        hearing.append(asyncio.create_task(agent.hears(track)))
        published.set()

    await agent.room.connect(url, token("agent", "agent"))
    track = rtc.LocalAudioTrack.create_audio_track("voice", agent.source)
    options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
    await agent.room.local_participant.publish_track(track, options)
    agent.playout.start()
    access = Access(url=url, token=token("caller"), room="cut-line", identity="caller")
    with ExitStack() as running:
        caller = await asyncio.to_thread(running.enter_context, caller_process(access))
        try:
            async with asyncio.timeout(NOTICED_WITHIN_S):
                await published.wait()
            yield agent, caller
        finally:
            for task in hearing:
                task.cancel()
            await asyncio.gather(*hearing, return_exceptions=True)
            await agent.line.aclose()
            await agent.playout.aclose()
            await agent.room.disconnect()
            await agent.source.aclose()


async def test_what_is_said_into_a_cut_line_is_said_again(livekit: Stack) -> None:
    async with in_a_room(livekit) as (agent, caller):
        saying = asyncio.create_task(agent.says(WORDS))
        for away_s in AWAY_S:
            since_s = agent.playout.played_s
            await agent.reached(lambda since_s=since_s: agent.playout.played_s > since_s + 1.0)  # type: ignore[misc]
            caller.send_signal(signal.SIGSTOP)
            cut_at_s = agent.playout.played_s
            await agent.reached(lambda: agent.line.is_lost)
            held_at_s = agent.playout.played_s
            print(f"\ncut at {cut_at_s:.2f} s of the reply, held at {held_at_s:.2f} s")
            assert held_at_s == pytest.approx(cut_at_s, abs=OFF_BY_S)
            assert len(agent.heard) == pytest.approx(held_at_s / WORD_S, abs=1.5)
            await asyncio.sleep(away_s)  # the person is away: nothing may happen
            assert agent.playout.played_s == held_at_s
            caller.send_signal(signal.SIGCONT)
            await agent.reached(lambda: not agent.line.is_lost)
        async with asyncio.timeout(NOTICED_WITHIN_S):
            await saying
        assert agent.heard == [f"w{number}" for number in range(WORDS)]
