"""The ASR worker: `python -m workers.asr`."""

import asyncio
import sys

import numpy as np

from parley import models
from parley.errors import ConfigurationError, ModelError
from parley.rpc.v1 import recognition_pb2_grpc as rpc
from parley.rpc.v1 import status_pb2
from parley.settings import WorkerSettings
from parley.settings.worker import AsrWorkerSection
from workers.engines.whisper import Recognizer, Utterance, VoiceDetector
from workers.recognition.decoder import Decoder
from workers.recognition.service import RecognitionService
from workers.serving.admission import Slots
from workers.serving.binding import listening
from workers.serving.lease import registration
from workers.serving.server import WorkerServer, run
from workers.serving.status import WorkerIdentity

_SERVICE = "parley.rpc.v1.SpeechRecognition"


async def serve(settings: WorkerSettings) -> None:
    """Serves until a signal comes.

    Raises ConfigurationError, and ModelError where the model cannot be had.
    """
    asr = settings.asr
    at = listening(settings, "asr")
    spec = _find(asr.model)
    recognizer = await asyncio.to_thread(_load, asr)
    if asr.language not in recognizer.languages:
        raise ConfigurationError(
            f"asr.language is {asr.language!r}; {spec.name} knows {', '.join(recognizer.languages)}"
        )
    slots = Slots(asr.slots, queue_wait_s=0.0)
    identity = WorkerIdentity(
        kind=status_pb2.WORKER_KIND_RECOGNITION, engine=spec.engine, device=recognizer.device
    )
    server = WorkerServer(
        listening=at,
        slots=slots,
        services=(_SERVICE,),
        with_reflection=settings.telemetry.environment == "development",
        registration=registration(settings, "recognition", identity.worker_id),
    )
    async with Decoder(recognizer) as decoder, server:
        service = RecognitionService(
            identity=identity,
            slots=slots,
            model=spec,
            languages=recognizer.languages,
            default_language=asr.language,
            decoder=decoder,
            detector=VoiceDetector(),
            word_times=asr.adapter == "whisperx",
        )
        rpc.add_SpeechRecognitionServicer_to_server(service, server.grpc)
        await server.start()
        await server.serve()


def _find(name: str) -> models.ModelSpec:
    try:
        spec = models.find(name)
    except ModelError as error:
        raise ConfigurationError(f"asr.model: {error}") from None
    if spec.kind != "recognition":
        raise ConfigurationError(f"asr.model is {name}, a {spec.kind}: name a recognition model")
    return spec


def _load(asr: AsrWorkerSection) -> Recognizer:
    """Fetches, loads and warms the model: the first decode is slower than those that follow."""
    recognizer = Recognizer(models.ensure(asr.model), device=asr.device, threads=asr.threads)
    silence = np.zeros(16000, np.float32)
    recognizer.decode([Utterance(samples=silence, voice=1.0, language=recognizer.languages[0])])
    return recognizer


if __name__ == "__main__":
    sys.exit(run("asr", serve))
