"""The ASR worker: `python -m workers.asr`."""

import asyncio
import sys

from parley import models
from parley.background import background
from parley.errors import ConfigurationError
from parley.models import ModelSpec
from parley.rpc.v1 import recognition_pb2_grpc as rpc
from parley.rpc.v1 import status_pb2
from parley.settings import WorkerSettings
from parley.settings.worker import AsrWorkerSection
from parley.telemetry.worker import final_latency, recognition_metrics
from workers.engines import create_asr_engine
from workers.engines.asr_engine import AsrEngine, Recognizer
from workers.recognition.decoder import Decoder
from workers.recognition.profiled import ProfiledRecognizer
from workers.recognition.service import Ears, RecognitionService
from workers.recognition.turn_sound import TurnSounds
from workers.recognition.voice_activity import VoiceDetector
from workers.serving.admission import Slots
from workers.serving.binding import binding_of
from workers.serving.lease import registration
from workers.serving.profiles import SlowWorkProfiles
from workers.serving.server import WorkerServer, run
from workers.serving.status import WorkerIdentity

_SERVICE = "parley.rpc.v1.SpeechRecognition"


async def serve(settings: WorkerSettings) -> None:
    """Serves until a signal comes.

    Raises ConfigurationError, ModelError where the model cannot be had, and DecoderEndedError.
    """
    asr = settings.asr
    binding = binding_of(settings, "asr")
    engine = create_asr_engine(asr.engine, device=asr.device, threads=asr.threads)
    spec = _find(engine, asr)
    detector = VoiceDetector()
    recognizer: Recognizer = await asyncio.to_thread(_load, engine, spec)
    if asr.language not in recognizer.languages:
        raise ConfigurationError(
            f"asr.language is {asr.language!r}; {spec.name} knows {', '.join(recognizer.languages)}"
        )
    slots = Slots(asr.slots, queue_wait_s=0.0)
    identity = WorkerIdentity(
        kind=status_pb2.WORKER_KIND_RECOGNITION,
        engine=engine.name,
        port=asr.port,
        device=recognizer.device,
    )
    if settings.telemetry.profiling:
        profiles = SlowWorkProfiles(settings.telemetry, kind="recognition")
        recognizer = ProfiledRecognizer(recognizer, profiles)
    decoder = Decoder(recognizer)
    latency = final_latency()
    server = WorkerServer(
        binding=binding,
        slots=slots,
        metrics=recognition_metrics(slots, lambda: decoder.waiting, latency),
        services=(_SERVICE,),
        with_reflection=settings.telemetry.environment == "development",
        registration=registration(settings, "recognition", identity.worker_id),
    )
    async with decoder, server:
        service = RecognitionService(
            identity=identity,
            slots=slots,
            model=spec,
            languages=recognizer.languages,
            default_language=asr.language,
            decoder=decoder,
            ears=Ears(detector, TurnSounds() if asr.turn_sound else None),
            word_times=engine.word_times,
            latency=latency,
        )
        rpc.add_SpeechRecognitionServicer_to_server(service, server.grpc)
        await server.start()
        async with background(stop_without(decoder, server), name="decoder-watch"):
            await server.serve()
        decoder.check()


async def stop_without(decoder: Decoder, server: WorkerServer) -> None:
    """Has the worker end with its decoder: health says NOT_SERVING, and calls go elsewhere."""
    await decoder.ended()
    server.stop()


def _find(engine: AsrEngine, asr: AsrWorkerSection) -> ModelSpec:
    known = engine.models()
    if asr.engine_model not in known:
        raise ConfigurationError(
            f"asr.model is {asr.engine_model!r}, which adapter {asr.engine} does not have: name a "
            f"recognition model of it ({', '.join(known) or 'it has none'})"
        )
    return known[asr.engine_model]


def _load(engine: AsrEngine, spec: ModelSpec) -> Recognizer:
    """Fetches the model's files where they are not cached, and loads it."""
    return engine.load(spec.name, models.ensure_spec(spec))


if __name__ == "__main__":
    sys.exit(run("asr", serve))
