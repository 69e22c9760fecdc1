"""What leaves a WebSocket: one writer, audio that waits for a slow client, nothing out of order."""

import asyncio
import json
from collections import deque
from dataclasses import dataclass
from typing import Protocol

from dialogue.orchestration.outputs import (
    Connected,
    CutOff,
    Problem,
    Responded,
    StateTold,
    Streamed,
    TalkOutput,
    VoiceAudio,
    VoiceBegan,
    VoiceEnded,
    VoiceWords,
)
from gateway.orchestrate.frames import rendered

MAX_FRAMES = 2000
"""Of text that a client does not take: then it is gone."""


class FrameSink(Protocol):
    """A WebSocket, as far as it is written to."""

    async def send_text(self, data: str) -> None: ...

    async def send_bytes(self, data: bytes) -> None: ...


@dataclass(frozen=True, kw_only=True)
class FrameWishes:
    """What a client has opted in to."""

    stream: bool = False
    states: bool = False
    audio: bool = False
    errors: bool = False

    def wants(self, output: TalkOutput) -> bool:
        match output:
            case Connected() | Responded() | CutOff():
                return True
            case Streamed():
                return self.stream
            case StateTold():
                return self.states
            case Problem():
                return self.errors
            case _:
                return self.audio


class SocketOutlet:
    """A TalkOutlet over a WebSocket; `run` writes until it is cancelled or the client is gone."""

    def __init__(
        self, sink: FrameSink, session_id: str, wishes: FrameWishes, *, buffer_size: int
    ) -> None:
        self._sink = sink
        self._session_id = session_id
        self._wishes = wishes
        self._buffer_size = buffer_size
        self._waiting: deque[TalkOutput] = deque()
        self._audio = 0
        """Of those that wait, how many are audio."""
        self._changed = asyncio.Condition()
        self.overran = asyncio.Event()
        """The client takes nothing."""

    async def give(self, output: TalkOutput) -> None:
        """See TalkOutlet."""
        if not self._wishes.wants(output):
            return
        async with self._changed:
            if isinstance(output, VoiceAudio):
                await self._changed.wait_for(lambda: self._audio < self._buffer_size)
                self._audio += 1
            elif len(self._waiting) - self._audio >= MAX_FRAMES:
                self.overran.set()
                return
            self._waiting.append(output)
            self._changed.notify_all()

    def drop_voice(self) -> None:
        """See TalkOutlet."""
        voice = VoiceAudio | VoiceWords | VoiceBegan | VoiceEnded
        self._waiting = deque(o for o in self._waiting if not isinstance(o, voice))
        self._audio = 0

    async def run(self) -> None:
        """Raises what the WebSocket raises when its client is gone."""
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: self._waiting)
                output = self._waiting.popleft()
                self._audio -= isinstance(output, VoiceAudio)
                self._changed.notify_all()
            await self._send(output)

    async def drain(self, *, within_s: float) -> None:
        """Returns once nothing waits, or so many seconds are over."""
        try:
            async with asyncio.timeout(within_s), self._changed:
                await self._changed.wait_for(lambda: not self._waiting)
        except TimeoutError:
            pass

    async def _send(self, output: TalkOutput) -> None:
        if isinstance(output, VoiceAudio):
            await self._sink.send_bytes(output.pcm_s16le)
        elif (frame := rendered(output, session_id=self._session_id)) is not None:
            await self._sink.send_text(json.dumps(frame, ensure_ascii=False))
