"""The TTS worker: `python -m workers.tts`."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

from parley.background import background
from parley.errors import ConfigurationError
from parley.rpc.v1 import status_pb2
from parley.rpc.v1 import synthesis_pb2_grpc as rpc
from parley.settings import WorkerSettings
from parley.telemetry.worker import first_audio_latency, synthesis_metrics
from workers.engines import create_tts_engine
from workers.serving.admission import Slots
from workers.serving.binding import binding_of
from workers.serving.errors import RequestError
from workers.serving.lease import registration
from workers.serving.profiles import SlowWorkProfiles
from workers.serving.server import WorkerServer, run
from workers.serving.status import WorkerIdentity
from workers.synthesis.residency import Residency
from workers.synthesis.service import SynthesisService
from workers.synthesis.voices import WorkerVoices

_SERVICE = "parley.rpc.v1.SpeechSynthesis"


async def serve(settings: WorkerSettings) -> None:
    """Serves until a signal comes.

    Raises ConfigurationError, and ModelError where the default voice cannot be had.
    """
    tts = settings.tts
    own_settings = tts.cosyvoice if tts.adapter == "cosyvoice" else None
    engine = create_tts_engine(tts.adapter, threads=tts.threads_per_stream, settings=own_settings)
    voices = WorkerVoices(engine, default=tts.default_model)
    try:
        voices.find(tts.default_model)
    except RequestError as error:
        raise ConfigurationError(
            f"tts.default_model (DEFAULT_MODEL) does not fit adapter {tts.adapter}: {error}"
        ) from None
    residency = Residency(
        voices.load, cap=tts.resident_cap, ttl_s=tts.ttl_ms / 1000, pinned=tts.default_model
    )
    slots = Slots(tts.slots, queue_wait_s=tts.queue_wait_s)
    identity = WorkerIdentity(
        kind=status_pb2.WORKER_KIND_SYNTHESIS,
        engine=engine.name,
        port=tts.port,
        device=engine.device,
    )
    latency = first_audio_latency()
    server = WorkerServer(
        binding=binding_of(settings, "tts"),
        slots=slots,
        metrics=synthesis_metrics(slots, latency),
        services=(_SERVICE,),
        with_reflection=settings.telemetry.environment == "development",
        registration=registration(settings, "synthesis", identity.worker_id),
    )
    # An utterance is open as long as it is heard, and needs a thread for little of that.
    threads = min(tts.slots, os.cpu_count() or 1)
    with ThreadPoolExecutor(threads, thread_name_prefix="synthesis") as executor:
        service = SynthesisService(
            identity=identity,
            slots=slots,
            voices=voices,
            residency=residency,
            latency=latency,
            profiles=SlowWorkProfiles(settings.telemetry, kind="synthesis"),
            executor=executor,
        )
        async with server:
            rpc.add_SpeechSynthesisServicer_to_server(service, server.grpc)
            await server.start()
            await server.run_unless_stopped(_warm_up(residency, tts.default_model))
            async with background(residency.keep_evicting(), name="evicting"):
                await server.serve()
        await residency.aclose()


async def _warm_up(residency: Residency, voice: str) -> None:
    (await residency.acquire(voice)).release()


if __name__ == "__main__":
    sys.exit(run("tts", serve))
