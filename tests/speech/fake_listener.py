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


@dataclass
class FakeListener(rpc.SpeechRecognitionServicer):
    """Its faults are switches a test turns while it runs."""

    busy: bool = False
    die_after_frames: int | None = None
    freeze_at_flush: bool = False
    calls: int = 0
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def Recognize(  # noqa: N802
        self, requests: AsyncIterator[pb.RecognizeRequest], context: grpc.aio.ServicerContext
    ) -> AsyncGenerator[pb.RecognizeResponse]:
        opened = (await anext(aiter(requests))).open
        self.calls += 1
        self.asked.set()
        if self.busy:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "no slot is free")
        yield pb.RecognizeResponse(started=pb.RecognitionStarted(worker_id="wire"))
        words: list[str] = []
        frames, samples, start = 0, 0, 0
        async for request in requests:
            if request.WhichOneof("message") == "audio":
                frame = np.frombuffer(request.audio.pcm_s16le, dtype="<i2")
                words.append(str(frame[0]))
                frames += 1
                samples += len(frame)
                if frames == self.die_after_frames:
                    await context.abort(grpc.StatusCode.UNAVAILABLE, "the worker dies")
                continue
            if self.freeze_at_flush:
                await asyncio.Event().wait()
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
        return status_pb2.GetStatusResponse(status=status_pb2.WorkerStatus(slots=4))


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
