"""An agent whose delay is known: it says what it hears, a set time later."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
from livekit import api, rtc

SAMPLE_RATE_HZ = 48_000
FRAME_SAMPLES = 480


class EchoAgent:
    """Repeats the caller's sound after `delay_s`, frame for frame as it is received.

    Its source has no queue: a frame pushed goes to the encoder at once, so the delay is exact.
    `state` is what a Parley agent would show; tests set it.
    """

    def __init__(self, delay_s: float) -> None:
        self.delay_s = delay_s
        self.room = rtc.Room()
        self.source = rtc.AudioSource(SAMPLE_RATE_HZ, 1, queue_size_ms=0)
        self.gain = 1.0
        self.tasks: set[asyncio.Task[None]] = set()
        self.room.on("track_subscribed", self._on_track)

    async def set_state(self, state: str) -> None:
        await self.room.local_participant.set_attributes({"lk.agent.state": state})

    def _on_track(self, track: rtc.Track, *_: object) -> None:
        self.tasks.add(asyncio.create_task(self._repeat(track)))

    async def _repeat(self, track: rtc.Track) -> None:
        stream = rtc.AudioStream(track, sample_rate=SAMPLE_RATE_HZ, num_channels=1)
        silence = np.zeros(FRAME_SAMPLES, dtype=np.int16)
        waiting = deque([silence] * round(self.delay_s * 100))
        try:
            async for event in stream:
                waiting.append(np.frombuffer(event.frame.data, dtype=np.int16))
                said = (waiting.popleft() * self.gain).astype(np.int16)
                await self.source.capture_frame(
                    rtc.AudioFrame(said.tobytes(), SAMPLE_RATE_HZ, 1, FRAME_SAMPLES)
                )
        finally:
            await stream.aclose()


@asynccontextmanager
async def echo_agent(
    url: str, *, key: str, secret: str, room: str, delay_s: float
) -> AsyncIterator[EchoAgent]:
    token = (
        api.AccessToken(key, secret)
        .with_identity("agent-echo")
        .with_kind("agent")
        .with_grants(api.VideoGrants(room_join=True, room=room, can_update_own_metadata=True))
        .to_jwt()
    )
    agent = EchoAgent(delay_s)
    try:
        await agent.room.connect(url, token)
        track = rtc.LocalAudioTrack.create_audio_track("voice", agent.source)
        await agent.room.local_participant.publish_track(
            track, rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        )
        await agent.set_state("listening")
        yield agent
    finally:
        for task in agent.tasks:
            task.cancel()
        await asyncio.gather(*agent.tasks, return_exceptions=True)
        await agent.room.disconnect()
        await agent.source.aclose()
