"""An agent whose delay is known: it says what it hears, a set time later."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
from livekit import rtc

from parley.room_events import TOPIC, ErrorEvent, TurnEvent, TurnStages, encode
from tests.caller.livekit import LiveKit

SAMPLE_RATE_HZ = 48_000
FRAME_SAMPLES = 480
QUEUE_MS = 40
"""Rides out the test machine's stalls, as a real agent's source does."""

AUDIBLE = 300
STAGES = TurnStages(endpointing_ms=1, asr_ms=2, llm_first_token_ms=3, tts_first_audio_ms=4)


class EchoAgent:
    """Repeats the caller's sound, and shows in the room what a Parley agent shows: its state,
    both transcripts, the stages of the turn.

    Its source holds QUEUE_MS; a frame is pushed that much earlier, so that it leaves `delay_s`
    after it came, within the 10 ms of the source's own tick. `delay_s` may be changed while
    nobody speaks.
    """

    def __init__(
        self, delay_s: float, *, greeting_s: float = 0.0, understood: str = "", answer: str = ""
    ) -> None:
        self.delay_s = delay_s
        self.greeting_s = greeting_s
        self.understood = understood
        self.answer = answer
        self.gain = 1.0
        self.speech_heard = asyncio.Event()
        self.room = rtc.Room()
        self.source = rtc.AudioSource(SAMPLE_RATE_HZ, 1, queue_size_ms=QUEUE_MS)
        self._tasks: set[asyncio.Task[None]] = set()
        self._caller = ""
        self._turns = 0
        self.room.on("track_subscribed", self._on_track)

    async def join(self, server: LiveKit, room: str) -> None:
        await self.room.connect(server.url, server.token("agent-echo", room, agent=True))
        track = rtc.LocalAudioTrack.create_audio_track("voice", self.source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        await self.room.local_participant.publish_track(track, options)
        await self.set_state("listening")

    async def leave(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.room.disconnect()
        await self.source.aclose()

    async def set_state(self, state: str) -> None:
        await self.room.local_participant.set_attributes({"lk.agent.state": state})

    async def fail(
        self, message: str, *, code: str = "llm_unavailable", fatal: bool = True
    ) -> None:
        event = ErrorEvent(code=code, message=message, fatal=fatal)
        await self.room.local_participant.publish_data(encode(event), topic=TOPIC)

    def _on_track(
        self,
        track: rtc.Track,
        publication: rtc.RemoteTrackPublication,
        participant: rtc.RemoteParticipant,
    ) -> None:
        self._caller = participant.identity
        self._tasks.add(asyncio.create_task(self._repeat(track)))

    async def _repeat(self, track: rtc.Track) -> None:
        stream = rtc.AudioStream(track, sample_rate=SAMPLE_RATE_HZ, num_channels=1)
        silence = np.zeros(FRAME_SAMPLES, dtype=np.int16)
        greeting = np.random.default_rng(5).normal(0, 5000, FRAME_SAMPLES).astype(np.int16)
        early_frames, greeting_frames = QUEUE_MS // 10, round(self.greeting_s * 100)
        waiting = deque([silence] * (round(self.delay_s * 100) - early_frames))
        for index in range(greeting_frames):
            waiting[index] = greeting
        loud_frames = 0
        try:
            for _ in range(early_frames):
                await self._say(silence)
            if greeting_frames:
                # Not waited for: what comes meanwhile would be repeated so much later.
                self._tasks.add(asyncio.create_task(self.set_state("speaking")))
            async for event in stream:
                greeting_frames -= 1
                if greeting_frames == 0:
                    self._tasks.add(asyncio.create_task(self.set_state("listening")))
                frame = np.frombuffer(event.frame.data, dtype=np.int16)
                loud = np.abs(frame.astype(np.int32)).max() > AUDIBLE
                loud_frames = loud_frames + 1 if loud else 0
                if loud_frames == 5:
                    self.speech_heard.set()
                    self._tasks.add(asyncio.create_task(self._show_turn()))
                waiting.append((frame * self.gain).astype(np.int16))
                await self._say(waiting.popleft())
                held_frames = round(self.delay_s * 100) - early_frames
                while len(waiting) < held_frames:
                    waiting.append(silence)
                while len(waiting) > held_frames:
                    waiting.popleft()
        finally:
            await stream.aclose()

    async def _say(self, samples: "np.ndarray[tuple[int], np.dtype[np.int16]]") -> None:
        frame = rtc.AudioFrame(samples.tobytes(), SAMPLE_RATE_HZ, 1, FRAME_SAMPLES)
        await self.source.capture_frame(frame)

    async def _show_turn(self) -> None:
        self._turns += 1
        me = self.room.local_participant
        for text, final in ((self.understood[:4], "false"), (self.understood, "true")):
            user = await me.stream_text(
                topic="lk.transcription",
                sender_identity=self._caller,
                attributes={"lk.segment_id": f"u{self._turns}", "lk.transcription_final": final},
            )
            await user.write(text)
            await user.aclose()
        event = TurnEvent(turn=self._turns, stages=STAGES)
        await me.publish_data(encode(event), topic=TOPIC)
        agent = await me.stream_text(
            topic="lk.transcription",
            sender_identity=me.identity,
            attributes={"lk.segment_id": f"a{self._turns}", "lk.transcription_final": "false"},
        )
        for word in self.answer.split():
            await agent.write(f"{word} ")
        await agent.aclose(attributes={"lk.transcription_final": "true"})


@asynccontextmanager
async def echo_agent(
    server: LiveKit,
    room: str,
    *,
    delay_s: float,
    greeting_s: float = 0.0,
    understood: str = "",
    answer: str = "",
) -> AsyncIterator[EchoAgent]:
    """An echo agent in the room; a greeting is noise, shorter than the delay."""
    agent = EchoAgent(delay_s, greeting_s=greeting_s, understood=understood, answer=answer)
    try:
        await agent.join(server, room)
        yield agent
    finally:
        await agent.leave()
