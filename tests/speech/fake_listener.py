"""A recognition worker made of arithmetic: it speaks the contract on a real socket.

A frame of audio is one word: the value of its samples. A FINAL lists the words since the last.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc
import numpy as np
from google.protobuf.duration_pb2 import Duration

from parley.rpc.v1 import recognition_pb2 as pb
from parley.rpc.v1 import recognition_pb2_grpc as rpc
from parley.rpc.v1 import status_pb2
from workers.serving.errors import deadline_exceeded


@dataclass
class FakeListener(rpc.SpeechRecognitionServicer):
    """Its faults are switches a test turns while it runs."""

    busy: bool = False
    die_after_frames: int | None = None
    freeze_at_flush: bool = False
    final_takes_s: float = 0.0
    """It is busy, not broken."""
    reported_work_s: float = 0.0
    """How long a decode took lately, as it says of itself."""
    calls: int = 0
    audio_s: list[float] = field(default_factory=list)
    """How much audio each call has brought."""
    within_s: list[float] = field(default_factory=list)
    """How long the client waits for each FINAL, as it said."""
    heard: asyncio.Condition = field(default_factory=asyncio.Condition)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    lost: asyncio.Event = field(default_factory=asyncio.Event)
    """Set, it ends the call that it has: it is lost, or nothing came for long."""
    ends_as_idle: bool = False

    async def until_heard(self, seconds: float) -> None:
        """Waits until one call has brought so much audio."""
        async with self.heard:
            await self.heard.wait_for(lambda: max(self.audio_s, default=0.0) >= seconds)

    async def Recognize(  # noqa: N802
        self, requests: AsyncIterator[pb.RecognizeRequest], context: grpc.aio.ServicerContext
    ) -> AsyncGenerator[pb.RecognizeResponse]:
        opened = (await anext(aiter(requests))).open
        self.calls += 1
        self.audio_s.append(0.0)
        self.asked.set()
        if self.busy:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "no slot is free")
        yield pb.RecognizeResponse(started=pb.RecognitionStarted(worker_id="wire"))
        words: list[str] = []
        frames, samples, start = 0, 0, 0
        async for request in until_lost(requests, self.lost):
            if request is None:
                self.lost.clear()
                if self.ends_as_idle:
                    await abort_idle(context)
                await context.abort(grpc.StatusCode.UNAVAILABLE, "the worker is lost")
            if request.WhichOneof("message") == "audio":
                frame = np.frombuffer(request.audio.pcm_s16le, dtype="<i2")
                words.append(str(frame[0]))
                frames += 1
                samples += len(frame)
                self.audio_s[-1] = samples / opened.sample_rate_hz
                async with self.heard:
                    self.heard.notify_all()
                if frames == self.die_after_frames:
                    await context.abort(grpc.StatusCode.UNAVAILABLE, "the worker dies")
                continue
            if self.freeze_at_flush:
                await asyncio.Event().wait()
            self.within_s.append(request.flush.within.ToTimedelta().total_seconds())
            await asyncio.sleep(self.final_takes_s)
            yield pb.RecognizeResponse(
                transcript=pb.Transcript(
                    kind=pb.TRANSCRIPT_KIND_FINAL,
                    text=" ".join(words),
                    start=_duration(start / opened.sample_rate_hz),
                    end=_duration(samples / opened.sample_rate_hz),
                    flush_id=request.flush.flush_id,
                )
            )
            words, start = [], samples

    async def GetStatus(  # noqa: N802
        self, request: status_pb2.GetStatusRequest, context: grpc.aio.ServicerContext
    ) -> status_pb2.GetStatusResponse:
        status = status_pb2.WorkerStatus(slots=4)
        status.recent_work.CopyFrom(_duration(self.reported_work_s))
        return status_pb2.GetStatusResponse(status=status)


async def until_lost(
    requests: AsyncIterator[pb.RecognizeRequest], lost: asyncio.Event
) -> AsyncGenerator[pb.RecognizeRequest | None]:
    """The requests, and None once the worker is lost."""
    losing = asyncio.create_task(lost.wait())
    try:
        while not lost.is_set():
            reading = asyncio.ensure_future(anext(requests, None))
            await asyncio.wait({reading, losing}, return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                reading.cancel()
                break
            if (request := reading.result()) is None:
                return
            yield request
        yield None
    finally:
        losing.cancel()


async def abort_idle(context: grpc.aio.ServicerContext) -> None:
    """As a worker ends a call in which nothing came for long."""
    status = deadline_exceeded("no audio came for 30 s", reason="AUDIO_TIMEOUT").status()
    await context.abort(status.code, status.details, status.trailing_metadata)


def _duration(seconds: float) -> Duration:
    return Duration(seconds=int(seconds), nanos=int(seconds % 1 * 1e9))


@asynccontextmanager
async def listening(worker: FakeListener) -> AsyncGenerator[str]:
    """Serves the worker on a free port; yields its target."""
    server = grpc.aio.server()
    rpc.add_SpeechRecognitionServicer_to_server(worker, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)
