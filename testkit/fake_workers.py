"""Speech workers made of arithmetic: they speak the contract on a real socket.

In speech, a word sounds for a tenth of a second. In recognition, a frame of audio is a word (the
value of its samples) or, with zeros, silence: a word gives PARTIAL, silence after words PREFLIGHT,
a flush FINAL.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import numpy as np
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from parley.rpc.v1 import recognition_pb2 as recognition
from parley.rpc.v1 import recognition_pb2_grpc, status_pb2, synthesis_pb2_grpc
from parley.rpc.v1 import synthesis_pb2 as synthesis

WORD_S = 0.1
VOICES_RATE_HZ = 22_050
RECOGNITION_MODEL = "arithmetic"


@dataclass
class SpeechWorker(synthesis_pb2_grpc.SpeechSynthesisServicer):
    """Its faults are switches that a test turns while it runs."""

    voices: tuple[str, ...] = ("tone", "other")
    residency: "status_pb2.VoiceResidency.ValueType" = status_pb2.VOICE_RESIDENCY_RESIDENT
    """Where all of them are."""
    languages: Mapping[str, str] = field(default_factory=dict)
    """Of its voices, by name; American English where none is told."""
    remote: set[str] = field(default_factory=set)
    """Of them, those that are not on its machine until they are loaded."""
    loaded: list[str] = field(default_factory=list)
    may_load: asyncio.Event | None = None
    """Loads are held back until it is set."""
    refuses: int = 0
    """So many calls find no free slot."""
    is_full: bool = False
    """No call finds a free slot."""
    refused: asyncio.Condition = field(default_factory=asyncio.Condition)
    refused_at_s: list[float] = field(default_factory=list)
    """When calls were refused for want of a slot."""
    is_broken: bool = False
    is_lost_after_words: int | None = None
    """Of its first call that comes so far."""
    breaks_after_words: int | None = None
    """Every call is refused for good once it has spoken so many."""
    gives_word_times: bool = True
    opened: list[synthesis.SynthesizeOpen] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def until_refused(self, *, for_s: float) -> None:
        """Waits until it has refused calls for so long."""
        async with self.refused:
            await self.refused.wait_for(
                lambda: self.refused_at_s and self.refused_at_s[-1] - self.refused_at_s[0] >= for_s
            )

    async def Synthesize(  # noqa: N802
        self,
        requests: AsyncIterator[synthesis.SynthesizeRequest],
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> AsyncGenerator[synthesis.SynthesizeResponse]:
        opened = (await anext(aiter(requests))).open
        self.opened.append(opened)
        if self.refuses or self.is_full:
            self.refuses = max(0, self.refuses - 1)
            async with self.refused:
                self.refused_at_s.append(time.monotonic())
                self.refused.notify_all()
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "no slot is free")
        if self.is_broken:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "not today")
        started = synthesis.SynthesisStarted(
            worker_id="w1", engine="wire", voice=opened.voice, sample_rate_hz=opened.sample_rate_hz
        )
        yield synthesis.SynthesizeResponse(started=started)
        try:
            async for response in self._speak(opened.sample_rate_hz, requests):
                yield response
                if response.audio.sequence + 1 == self.is_lost_after_words:
                    self.is_lost_after_words = None
                    await context.abort(grpc.StatusCode.UNAVAILABLE, "the worker is lost")
                if response.audio.sequence + 1 == self.breaks_after_words:
                    await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no more today")
        finally:
            self.ended.set()

    async def _speak(
        self, rate_hz: int, requests: AsyncIterator[synthesis.SynthesizeRequest]
    ) -> AsyncGenerator[synthesis.SynthesizeResponse]:
        word_samples = int(WORD_S * rate_hz)
        spoken = index = 0
        async for request in requests:
            if request.WhichOneof("message") != "text":
                break
            self.texts.append(request.text.text)
            words = request.text.text.split()
            starts = [(spoken + n) * word_samples for n in range(len(words))]
            timings = [
                synthesis.WordTiming(word=word, start_sample=at, end_sample=at + word_samples)
                for word, at in zip(words, starts, strict=True)
            ]
            if self.gives_word_times:
                yield synthesis.SynthesizeResponse(
                    words=synthesis.SynthesisWords(text_index=index, words=timings)
                )
            for at in starts:
                spoken += 1
                samples = np.full(word_samples, spoken, dtype="<i2")
                yield synthesis.SynthesizeResponse(
                    audio=synthesis.SynthesisAudio(
                        sequence=spoken - 1,
                        sample_offset=at,
                        pcm_s16le=samples.tobytes(),
                        text_index=index,
                    )
                )
            end = spoken * word_samples
            yield synthesis.SynthesizeResponse(
                text_done=synthesis.SynthesisTextDone(text_index=index, end_sample=end)
            )
            index += 1
        yield synthesis.SynthesizeResponse(
            done=synthesis.SynthesisDone(total_samples=spoken * word_samples)
        )

    async def LoadVoice(  # noqa: N802
        self, request: synthesis.LoadVoiceRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> synthesis.LoadVoiceResponse:
        if request.voice not in self.voices:
            known = ", ".join(self.voices)
            message = f"no voice {request.voice!r}: there are {known}"
            await context.abort(grpc.StatusCode.NOT_FOUND, message)
        if self.may_load is not None:
            await self.may_load.wait()
        if self.is_broken:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "not today")
        self.loaded.append(request.voice)
        self.remote.discard(request.voice)
        return synthesis.LoadVoiceResponse(voice=status_pb2.Voice(name=request.voice))

    async def ListVoices(  # noqa: N802
        self, request: synthesis.ListVoicesRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> synthesis.ListVoicesResponse:
        return synthesis.ListVoicesResponse(voices=self._known())

    async def GetStatus(  # noqa: N802
        self, request: status_pb2.GetStatusRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> status_pb2.GetStatusResponse:
        status = status_pb2.WorkerStatus(
            worker_id="w1", engine="wire", slots=4, voices=self._known()
        )
        return status_pb2.GetStatusResponse(status=status)

    def _known(self) -> list[status_pb2.Voice]:
        remote = status_pb2.VOICE_RESIDENCY_REMOTE
        return [
            status_pb2.Voice(
                name=name,
                engine="wire",
                languages=[self.languages.get(name, "en-US")],
                sample_rate_hz=VOICES_RATE_HZ,
                residency=remote if name in self.remote else self.residency,
            )
            for name in self.voices
        ]


@dataclass
class RecognitionWorker(recognition_pb2_grpc.SpeechRecognitionServicer):
    """Hears what the test wrote into the frames."""

    final_is_empty: bool = False
    may_answer: asyncio.Event | None = None
    """FINALs are held back until it is set."""
    opened: list[recognition.RecognizeOpen] = field(default_factory=list)

    async def Recognize(  # noqa: N802
        self,
        requests: AsyncIterator[recognition.RecognizeRequest],
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> AsyncGenerator[recognition.RecognizeResponse]:
        self.opened.append((await anext(aiter(requests))).open)
        started = recognition.RecognitionStarted(worker_id="r1", model=RECOGNITION_MODEL)
        yield recognition.RecognizeResponse(started=started)
        words: list[str] = []
        async for request in requests:
            if request.WhichOneof("message") == "flush":
                if self.may_answer is not None:
                    await self.may_answer.wait()
                text = "" if self.final_is_empty else " ".join(words)
                yield _transcript(recognition.TRANSCRIPT_KIND_FINAL, text, request.flush.flush_id)
                words = []
                continue
            value = np.frombuffer(request.audio.pcm_s16le, dtype="<i2")[0]
            if value:
                words.append(f"word{value}")
                yield _transcript(recognition.TRANSCRIPT_KIND_PARTIAL, " ".join(words))
            elif words:
                yield _transcript(recognition.TRANSCRIPT_KIND_PREFLIGHT, " ".join(words))

    async def GetStatus(  # noqa: N802
        self, request: status_pb2.GetStatusRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> status_pb2.GetStatusResponse:
        status = status_pb2.WorkerStatus(worker_id="r1", engine="wire", slots=4)
        return status_pb2.GetStatusResponse(status=status)


def _transcript(
    kind: "recognition.TranscriptKind.ValueType", text: str, flush_id: int = 0
) -> recognition.RecognizeResponse:
    transcript = recognition.Transcript(kind=kind, text=text, language="en", flush_id=flush_id)
    return recognition.RecognizeResponse(transcript=transcript)


@asynccontextmanager
async def serving(*workers: SpeechWorker | RecognitionWorker, port: int = 0) -> AsyncGenerator[str]:
    """Serves the workers, and their health, on one port (a free one for 0); yields host:port."""
    server = grpc.aio.server()
    for worker in workers:
        if isinstance(worker, SpeechWorker):
            synthesis_pb2_grpc.add_SpeechSynthesisServicer_to_server(worker, server)
        else:
            recognition_pb2_grpc.add_SpeechRecognitionServicer_to_server(worker, server)
    servicer = health.aio.HealthServicer()
    await servicer.set("", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)
