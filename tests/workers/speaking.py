"""A synthesis service in this process, on an engine whose sound is known."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import grpc
import numpy as np
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from parley.models import ModelSpec
from parley.rpc.v1 import status_pb2
from parley.rpc.v1 import synthesis_pb2 as pb
from parley.rpc.v1 import synthesis_pb2_grpc as rpc
from parley.settings.telemetry import WorkerTelemetrySection
from parley.telemetry.worker import WorkerLatency, first_audio_latency
from workers.engines.tts_engine import (
    Cancellation,
    EngineError,
    SpeechPiece,
    SpeechRequest,
    SpokenAudio,
    SpokenEnd,
    SpokenWord,
    SpokenWords,
    manifest_models,
)
from workers.serving.admission import Slots
from workers.serving.profiles import SlowWorkProfiles
from workers.serving.status import WorkerIdentity
from workers.synthesis.residency import Residency
from workers.synthesis.service import SynthesisService
from workers.synthesis.voices import WorkerVoices

VOICE = "hibari-en-us-heart"
RATE_HZ = 24000
WORD_SAMPLES = 2400
PAUSE_SAMPLES = 600


@dataclass
class ToneVoice:
    """Each word is a tenth of a second of a tone of its own; every word one chunk.

    Words that stand for events: `fail` raises, `wait` blocks until cancelled or let go.
    """

    engine: "ToneEngine"
    number: int
    sample_rate_hz: int = RATE_HZ
    reproducible: bool = True
    closed: bool = False

    def speak(self, request: SpeechRequest, cancellation: Cancellation) -> Iterator[SpeechPiece]:
        words = request.text.split()
        if not words:
            yield SpokenEnd(0, 0)
            return
        self.engine.texts_begun += 1
        time.sleep(self.engine.first_audio_s)
        length = round(WORD_SAMPLES / request.speed)
        yield SpokenWords(
            tuple(SpokenWord(w, i * length, (i + 1) * length) for i, w in enumerate(words))
        )
        for index, word in enumerate(words):
            cancellation.check()
            if word == "fail":
                raise EngineError("the tone broke")
            if word == "wait":
                with cancellation.aborting(self.engine.let_go.set):
                    self.engine.waiting.set()
                    self.engine.let_go.wait(30)
                cancellation.check()
            if word == "mute":
                continue
            if (index + 1) * length > request.from_sample:
                self.engine.chunks_made += 1
                yield SpokenAudio(index * length, tone(word, length, request.seed))
        yield SpokenEnd(0 if words == ["mute"] else len(words) * length, PAUSE_SAMPLES)

    def close(self) -> None:
        self.closed = True


def tone(word: str, samples: int, seed: int = 0) -> np.ndarray:
    frequency = 200 + 10 * len(word) + seed
    return (0.5 * np.sin(np.arange(samples) * 2 * np.pi * frequency / RATE_HZ)).astype(np.float32)


@dataclass
class ToneEngine:
    name: str = "hibari"
    loaded: list[ToneVoice] = field(default_factory=list)
    waiting: Event = field(default_factory=Event)
    let_go: Event = field(default_factory=Event)
    first_audio_s: float = 0.0
    """So long it works on a text before its first sound."""
    texts_begun: int = 0
    chunks_made: int = 0
    broken: bool = False
    device: str = "cpu"

    def voices(self) -> Mapping[str, ModelSpec]:
        return manifest_models("voice", self.name)

    def load(self, voice: str, folder: Path) -> ToneVoice:
        if self.broken:
            raise EngineError("its file is damaged")
        self.loaded.append(ToneVoice(self, len(self.loaded)))
        return self.loaded[-1]


@dataclass
class RunningService:
    """The service on a real socket, a client of it, and what stands behind it."""

    engine: ToneEngine
    slots: Slots
    residency: Residency
    address: str
    stub: "rpc.SpeechSynthesisAsyncStub"
    latency: WorkerLatency


@asynccontextmanager
async def running_service(
    *, slots: int = 2, telemetry: WorkerTelemetrySection | None = None
) -> AsyncIterator[RunningService]:
    engine = ToneEngine()
    admission = Slots(slots, queue_wait_s=0.0)
    voices = WorkerVoices(engine, default=VOICE)
    residency = Residency(voices.load, cap=2, ttl_s=0.0, pinned=VOICE, min_resident_s=0.0)
    latency = first_audio_latency()
    with ThreadPoolExecutor(slots) as executor:
        service = SynthesisService(
            identity=WorkerIdentity(kind=status_pb2.WORKER_KIND_SYNTHESIS, engine="tone", port=0),
            slots=admission,
            voices=voices,
            residency=residency,
            latency=latency,
            profiles=SlowWorkProfiles(telemetry or WorkerTelemetrySection(), kind="synthesis"),
            executor=executor,
        )
        server = grpc.aio.server()
        rpc.add_SpeechSynthesisServicer_to_server(service, server)
        address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        await server.start()
        try:
            async with grpc.aio.insecure_channel(address) as channel:
                stub = rpc.SpeechSynthesisStub(channel)
                yield RunningService(engine, admission, residency, address, stub, latency)
        finally:
            engine.let_go.set()
            await server.stop(None)
            async with asyncio.timeout(10):
                await admission.idle()
            await residency.aclose()


@dataclass
class Heard:
    """Everything a Synthesize call answered; `samples` from the first offset on, gapless."""

    started: pb.SynthesisStarted
    words: list[tuple[int, str, int, int]]
    text_done: list[tuple[int, int]]
    done: pb.SynthesisDone | None
    samples: np.ndarray
    first_offset: int
    order: list[str]


def message(**fields: object) -> pb.SynthesizeRequest:
    return pb.SynthesizeRequest(**fields)  # type: ignore[arg-type]


def opening(**fields: object) -> pb.SynthesizeRequest:
    return message(open=pb.SynthesizeOpen(**{"utterance_id": "u", "session_id": "s", **fields}))  # type: ignore[arg-type]


def text(words: str) -> pb.SynthesizeRequest:
    return message(text=pb.SynthesizeText(text=words))


END = pb.SynthesizeRequest(end=pb.SynthesizeEnd())


async def hear(stub: "rpc.SpeechSynthesisAsyncStub", *texts: str, **fields: object) -> Heard:
    """Speaks the texts and checks what every answer must keep to."""
    call = stub.Synthesize(iter([opening(**fields), *map(text, texts), END]), timeout=60)
    return await collect(call)


SpeechCall = grpc.aio.StreamStreamCall[pb.SynthesizeRequest, pb.SynthesizeResponse]


async def responses(call: SpeechCall) -> AsyncIterator[pb.SynthesizeResponse]:
    """What is still to come of a call; raises AioRpcError where it fails."""
    while (response := await call.read()) is not grpc.aio.EOF:
        yield response


async def collect(call: SpeechCall) -> Heard:
    """All that is still to come, checked: no gaps, and from the start on also true counts."""
    started = pb.SynthesisStarted()
    done = None
    words: list[tuple[int, str, int, int]] = []
    text_done: list[tuple[int, int]] = []
    chunks: list[np.ndarray] = []
    order: list[str] = []
    first = end = None
    async for response in responses(call):
        order.append(kind := str(response.WhichOneof("message")))
        match kind:
            case "started":
                started = response.started
            case "words":
                words += [
                    (response.words.text_index, w.word, w.start_sample, w.end_sample)
                    for w in response.words.words
                ]
            case "audio":
                audio = response.audio
                assert order[0] != "started" or audio.sequence == len(chunks)
                assert end is None or audio.sample_offset == end
                chunks.append(np.frombuffer(audio.pcm_s16le, "<i2"))
                assert len(chunks[-1]), "an audio message without audio"
                first = audio.sample_offset if first is None else first
                end = audio.sample_offset + len(chunks[-1])
            case "text_done":
                done_ = response.text_done
                text_done.append((done_.text_index, done_.end_sample))
                assert end is None or done_.end_sample in (end, *(e for _, e in text_done[:-1]))
            case "done":
                done = response.done
                assert order[0] != "started" or done.chunks == len(chunks)
                assert order[0] != "started" or done.words == len(words)
    samples = np.concatenate(chunks) if chunks else np.zeros(0, np.int16)
    return Heard(started, words, text_done, done, samples, first or 0, order)


async def call_with(service: RunningService, *messages: pb.SynthesizeRequest) -> SpeechCall:
    """A call that has sent these; where the last one is refused, so is the call."""
    call = service.stub.Synthesize(timeout=20)
    for message_ in messages:
        await call.write(message_)
    return call


async def refusal(call: SpeechCall) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await collect(call)
    return failure.value


def violated_field(error: grpc.aio.AioRpcError) -> str:
    detail = error_details_pb2.BadRequest()
    assert rpc_status.from_call(error).details[0].Unpack(detail)
    return str(detail.field_violations[0].field)


def error_reason(error: grpc.aio.AioRpcError) -> str:
    detail = error_details_pb2.ErrorInfo()
    assert rpc_status.from_call(error).details[0].Unpack(detail)
    return str(detail.reason)
