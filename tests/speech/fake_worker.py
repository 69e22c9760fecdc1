"""A synthesis worker made of arithmetic: it speaks the contract on a real socket.

Each word sounds for a tenth of a second as a constant whose value tells the word's place in the
utterance, so a test sees in the samples which words were heard, in which order, from whom.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import grpc
import numpy as np

from parley.rpc.v1 import status_pb2
from parley.rpc.v1 import synthesis_pb2 as pb
from parley.rpc.v1 import synthesis_pb2_grpc as rpc
from workers.serving.errors import unavailable

RATE_HZ = 16000
WORD_SAMPLES = 1600

# As the real worker does: clients ping every second to notice a frozen one.
_TAKES_PINGS = (("grpc.http2.max_ping_strikes", 0), ("grpc.keepalive_permit_without_calls", 1))


@dataclass
class FakeWorker(rpc.SpeechSynthesisServicer):
    """Its faults are switches a test turns while it runs."""

    name: str = "worker"
    voices: tuple[str, ...] = ("tone",)
    slots: int = 4
    reproducible: bool = True
    die_after_words: int | None = None
    freeze_after_words: int | None = None
    first_audio_delay_s: float = 0.0
    busy: bool = False
    draining: bool = False
    voice_is_broken: bool = False
    """It cannot be loaded."""
    words_per_s: float = 1000.0
    reported_work_s: float = 0.0
    """How long a text took lately, as it says of itself."""

    opened: list[pb.SynthesizeOpen] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    cancelled: int = 0
    in_flight: int = 0
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def Synthesize(  # noqa: N802
        self, requests: AsyncIterator[pb.SynthesizeRequest], context: grpc.aio.ServicerContext
    ) -> AsyncGenerator[pb.SynthesizeResponse]:
        request = await anext(aiter(requests))
        self.opened.append(request.open)
        self.asked.set()
        if self.busy:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "no slot is free")
        if request.open.voice not in self.voices:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"no voice {request.open.voice!r}")
        if self.voice_is_broken:
            broken = unavailable("the voice cannot be loaded", reason="VOICE_UNAVAILABLE").status()
            await context.abort(broken.code, broken.details, broken.trailing_metadata)
        self.in_flight += 1
        try:
            async for response in self._speak(request.open, requests, context):
                yield response
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.in_flight -= 1
            self.ended.set()

    async def _speak(
        self,
        opened: pb.SynthesizeOpen,
        requests: AsyncIterator[pb.SynthesizeRequest],
        context: grpc.aio.ServicerContext,
    ) -> AsyncGenerator[pb.SynthesizeResponse]:
        yield pb.SynthesizeResponse(
            started=pb.SynthesisStarted(
                worker_id=self.name,
                engine="wire",
                voice=opened.voice,
                sample_rate_hz=RATE_HZ,
                reproducible=self.reproducible,
            )
        )
        spoken = sequence = text_index = 0
        async for request in requests:
            if request.WhichOneof("message") != "text":
                break
            self.texts.append(request.text.text)
            words = request.text.text.split()
            timings = [
                pb.WordTiming(
                    word=word,
                    start_sample=(spoken + n) * WORD_SAMPLES,
                    end_sample=(spoken + n + 1) * WORD_SAMPLES,
                )
                for n, word in enumerate(words)
            ]
            yield pb.SynthesizeResponse(
                words=pb.SynthesisWords(text_index=text_index, words=timings)
            )
            await asyncio.sleep(self.first_audio_delay_s)
            for word in words:
                if self.die_after_words == spoken:
                    await context.abort(grpc.StatusCode.UNAVAILABLE, "the worker dies")
                if self.freeze_after_words == spoken:
                    await asyncio.Event().wait()
                start = spoken * WORD_SAMPLES
                spoken += 1
                skipped = max(0, min(WORD_SAMPLES, opened.start_offset_samples - start))
                if skipped == WORD_SAMPLES:
                    continue
                await asyncio.sleep(1 / self.words_per_s)
                samples = np.full(WORD_SAMPLES - skipped, int(word.strip("w.,")), dtype="<i2")
                yield pb.SynthesizeResponse(
                    audio=pb.SynthesisAudio(
                        sequence=sequence,
                        sample_offset=start + skipped,
                        pcm_s16le=samples.tobytes(),
                        text_index=text_index,
                    )
                )
                sequence += 1
            yield pb.SynthesizeResponse(
                text_done=pb.SynthesisTextDone(
                    text_index=text_index, end_sample=spoken * WORD_SAMPLES
                )
            )
            text_index += 1
        yield pb.SynthesizeResponse(done=pb.SynthesisDone(total_samples=spoken * WORD_SAMPLES))

    async def GetStatus(  # noqa: N802
        self, request: status_pb2.GetStatusRequest, context: grpc.aio.ServicerContext
    ) -> status_pb2.GetStatusResponse:
        resident = status_pb2.VOICE_RESIDENCY_RESIDENT
        status = status_pb2.WorkerStatus(
            worker_id=self.name,
            slots=self.slots,
            in_flight=self.in_flight,
            draining=self.draining,
            voices=[status_pb2.Voice(name=name, residency=resident) for name in self.voices],
            pending=self.in_flight // self.slots,
        )
        status.recent_work.FromTimedelta(timedelta(seconds=self.reported_work_s))
        return status_pb2.GetStatusResponse(status=status)


@asynccontextmanager
async def serving(worker: FakeWorker) -> AsyncGenerator[str]:
    """Serves the worker on a free port; yields its target."""
    server = grpc.aio.server(options=_TAKES_PINGS)
    rpc.add_SpeechSynthesisServicer_to_server(worker, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)
