"""The recognition service on a free port of this process, and a client's side of its calls."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import grpc

from parley import models
from parley.rpc.v1 import recognition_pb2 as pb
from parley.rpc.v1 import recognition_pb2_grpc as rpc
from parley.rpc.v1 import status_pb2
from parley.telemetry.worker import WorkerLatency, final_latency
from tests.workers.speech_sounds import pcm
from workers.engines.asr_engine import FloatSamples, Recognizer
from workers.recognition.decoder import Decoder
from workers.recognition.service import Ears, RecognitionService
from workers.recognition.turn_sound import TurnSounds
from workers.recognition.voice_activity import VoiceDetector
from workers.serving.admission import Slots
from workers.serving.status import WorkerIdentity

MODEL = "whisper-tiny-en"
FRAME_SAMPLES = 320

Call = grpc.aio.StreamStreamCall[pb.RecognizeRequest, pb.RecognizeResponse]


@dataclass
class Running:
    stub: "rpc.SpeechRecognitionAsyncStub"
    slots: Slots
    target: str
    latency: WorkerLatency

    async def listen(self, **open_: object) -> "Speaker":
        """A speaker whose call is admitted."""
        speaker = Speaker(self.stub.Recognize(timeout=120))
        options = {"sample_rate_hz": 16000, "interim_results": True, **open_}
        await speaker.send(open=pb.RecognizeOpen(**options))
        speaker.started = (await speaker.read()).started
        return speaker


class Speaker:
    def __init__(self, call: "Call") -> None:
        self.call = call
        self.started = pb.RecognitionStarted()

    async def send(self, **message: object) -> None:
        with suppress(asyncio.InvalidStateError, grpc.aio.AioRpcError):  # ended: reading says why
            await self.call.write(pb.RecognizeRequest(**message))

    async def say(self, samples: FloatSamples, *, frame_samples: int = FRAME_SAMPLES) -> None:
        for start in range(0, len(samples), frame_samples):
            frame = pcm(samples[start : start + frame_samples])
            await self.send(audio=pb.RecognizeAudio(pcm_s16le=frame))

    async def flush(self, flush_id: int) -> None:
        await self.send(flush=pb.RecognizeFlush(flush_id=flush_id))

    async def read(self) -> pb.RecognizeResponse:
        response = await self.call.read()
        assert isinstance(response, pb.RecognizeResponse), "the call has ended"
        return response

    async def until(self, kind: "pb.TranscriptKind.ValueType") -> pb.Transcript:
        """The next transcript of this kind."""
        while True:
            transcript = (await self.read()).transcript
            if transcript.kind == kind:
                return transcript

    async def rest(self) -> list[pb.Transcript]:
        """All that comes until the end of the call."""
        with suppress(asyncio.InvalidStateError, grpc.aio.AioRpcError):
            await self.call.done_writing()
        transcripts = []
        while isinstance(response := await self.call.read(), pb.RecognizeResponse):
            transcripts.append(response.transcript)
        return transcripts


@asynccontextmanager
async def listening(
    recognizer: Recognizer,
    detector: VoiceDetector,
    *,
    slots: int = 2,
    word_times: bool = False,
    turn_sounds: TurnSounds | None = None,
) -> AsyncIterator[Running]:
    server = grpc.aio.server()
    async with Decoder(recognizer) as decoder:
        admission = Slots(slots, queue_wait_s=0.0)
        latency = final_latency()
        service = RecognitionService(
            identity=WorkerIdentity(
                kind=status_pb2.WORKER_KIND_RECOGNITION, engine="whisper", port=0
            ),
            slots=admission,
            model=models.find(MODEL),
            languages=("en",),
            default_language="en",
            decoder=decoder,
            ears=Ears(detector, turn_sounds),
            word_times=word_times,
            latency=latency,
        )
        rpc.add_SpeechRecognitionServicer_to_server(service, server)
        target = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        await server.start()
        try:
            async with grpc.aio.insecure_channel(target) as channel:
                yield Running(rpc.SpeechRecognitionStub(channel), admission, target, latency)
            async with asyncio.timeout(10):
                await admission.idle()  # whatever a test left open holds no slot
        finally:
            await server.stop(None)
