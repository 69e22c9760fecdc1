"""The SpeechRecognition service: admission, validation, status; see the proto's comments."""

# ruff: noqa: N802 - the contract names the methods

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import Any

import grpc

from parley.clock import monotonic
from parley.models import ModelSpec
from parley.rpc.v1 import recognition_pb2 as pb
from parley.rpc.v1 import recognition_pb2_grpc as rpc
from parley.rpc.v1 import status_pb2
from parley.telemetry import logs, tracing
from parley.telemetry.worker import WorkerLatency
from workers.engines.asr_engine import EngineError
from workers.recognition.audio import SpeakerSound
from workers.recognition.decoder import Decoder
from workers.recognition.listener import (
    DEFAULT_PREFLIGHT_SILENCE_S,
    Listener,
    ListenerOptions,
)
from workers.recognition.pause_sound import PauseSound
from workers.recognition.turn_sound import TurnSounds
from workers.recognition.voice_activity import VoiceActivity, VoiceDetector
from workers.serving.admission import Slots
from workers.serving.durations import waiting_s
from workers.serving.errors import (
    answering_errors,
    deadline_exceeded,
    internal,
    invalid_argument,
    quoted,
    unavailable,
)
from workers.serving.opening import read_open
from workers.serving.status import WorkerIdentity

LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 8000, 48000
MOST_HINT_CHARACTERS = 200
LONGEST_PREFLIGHT_SILENCE_S = 10.0
AUDIO_WAIT_S = 30.0
"""A call without audio ends after so long: it keeps a slot from who speaks."""

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True)
class Ears:
    """The networks beside the recognizer, loaded once for all speakers."""

    detector: VoiceDetector
    turn_sounds: TurnSounds | None = None
    """Tells how finished turns sound; None: nobody is told."""


class RecognitionService(rpc.SpeechRecognitionServicer):
    """Listens with one model; `word_times` gives times to the words of every call."""

    def __init__(  # noqa: PLR0913 - the parts of a worker, made where it starts
        self,
        *,
        identity: WorkerIdentity,
        slots: Slots,
        model: ModelSpec,
        languages: tuple[str, ...],
        default_language: str,
        decoder: Decoder,
        ears: Ears,
        word_times: bool,
        latency: WorkerLatency,
    ) -> None:
        self._identity = identity
        self._slots = slots
        self._model = model
        self._languages = languages
        self._default_language = default_language
        self._decoder = decoder
        self._ears = ears
        self._word_times = word_times
        self._latency = latency

    async def Recognize(  # type: ignore[override]
        self, request_iterator: AsyncIterator[pb.RecognizeRequest], context: Context
    ) -> None:
        async with answering_errors(context):
            open_ = (await read_open(request_iterator)).open
            options = self._options(open_)
            sound = SpeakerSound(open_.sample_rate_hz)
            async with self._slots.admitted():
                logs.bind(session=open_.session_id)
                started = pb.RecognitionStarted(
                    worker_id=self._identity.worker_id,
                    engine=self._identity.engine,
                    model=self._model.name,
                )
                await context.write(pb.RecognizeResponse(started=started))

                async def send(transcript: pb.Transcript) -> None:
                    await context.write(pb.RecognizeResponse(transcript=transcript))
                    if transcript.flush_id:
                        took_s = transcript.decode.ToTimedelta().total_seconds()
                        self._latency.observe(took_s, trace_id=tracing.sampled_trace_id())

                listener = Listener(
                    self._decoder,
                    VoiceActivity(self._ears.detector),
                    options,
                    send,
                    self._pause_sound(open_),
                )
                with _first_error():
                    async with asyncio.TaskGroup() as tasks:
                        tasks.create_task(listener.run())
                        await self._read(request_iterator, sound, listener)

    def _pause_sound(self, open_: pb.RecognizeOpen) -> PauseSound | None:
        sounds = self._ears.turn_sounds
        return PauseSound(sounds) if open_.turn_sound and sounds is not None else None

    async def _read(
        self,
        requests: AsyncIterator[pb.RecognizeRequest],
        sound: SpeakerSound,
        listener: Listener,
    ) -> None:
        async with aclosing(_while_audio_comes(requests)) as messages:
            async for request in messages:
                match request.WhichOneof("message"):
                    case "audio":
                        if request.audio.traceparent:
                            listener.belongs_to(request.audio.traceparent)
                        await listener.push_audio(sound.take(request.audio.pcm_s16le))
                    case "flush":
                        await listener.flush(
                            request.flush.flush_id, within_s=_within_s(request.flush)
                        )
                    case "open":
                        raise invalid_argument("message", "open came twice; it is only the first")
                    case _:
                        raise invalid_argument("message", "is none of audio, flush")
                if self._slots.draining and listener.is_between_turns:
                    raise unavailable("this worker is draining; ask another", reason="DRAINING")
        await listener.push_audio(sound.rest())
        await listener.end()

    async def GetStatus(
        self, request: status_pb2.GetStatusRequest, context: Context
    ) -> status_pb2.GetStatusResponse:
        voice = status_pb2.Voice(
            name=self._model.name,
            engine=self._model.engine,
            languages=self._languages,
            sample_rate_hz=self._model.sample_rate_hz or 0,
            residency=status_pb2.VOICE_RESIDENCY_RESIDENT,
            license=self._model.license,
            leases=self._slots.in_flight,
        )
        status = self._identity.status(
            self._slots,
            [voice],
            pending=self._decoder.pending,
            recent_work_s=self._decoder.recent_s,
        )
        return status_pb2.GetStatusResponse(status=status)

    def _options(self, open_: pb.RecognizeOpen) -> ListenerOptions:
        """Raises INVALID_ARGUMENT for what cannot be served."""
        rate_hz = open_.sample_rate_hz
        if not LOWEST_RATE_HZ <= rate_hz <= HIGHEST_RATE_HZ:
            raise invalid_argument(
                "open.sample_rate_hz",
                f"is {rate_hz}, allowed are {LOWEST_RATE_HZ} to {HIGHEST_RATE_HZ}",
            )
        language = (open_.language or self._default_language).partition("-")[0].lower()
        if language not in self._languages:
            known = ", ".join(self._languages)
            raise invalid_argument(
                "open.language", f"is {quoted(open_.language)}, {self._model.name} knows {known}"
            )
        hints = ", ".join(open_.hints)
        if len(hints) > MOST_HINT_CHARACTERS:
            raise invalid_argument(
                "open.hints",
                f"have {len(hints)} characters together, allowed are {MOST_HINT_CHARACTERS}",
            )
        silence_s = open_.preflight_silence.seconds + open_.preflight_silence.nanos / 1e9
        if not 0 <= silence_s <= LONGEST_PREFLIGHT_SILENCE_S:
            raise invalid_argument(
                "open.preflight_silence",
                f"is {silence_s:g} s, allowed are 0 to {LONGEST_PREFLIGHT_SILENCE_S:g}",
            )
        return ListenerOptions(
            language=language,
            hints=hints,
            interim_results=open_.interim_results,
            word_times=open_.word_times or self._word_times,
            preflight_silence_s=silence_s or DEFAULT_PREFLIGHT_SILENCE_S,
        )


async def _while_audio_comes(
    requests: AsyncIterator[pb.RecognizeRequest],
) -> AsyncGenerator[pb.RecognizeRequest]:
    """The messages after open; raises DEADLINE_EXCEEDED when no audio is among them for 30 s."""
    due_s = monotonic() + AUDIO_WAIT_S
    while True:
        try:
            async with asyncio.timeout(due_s - monotonic()):
                request = await anext(requests, None)
        except TimeoutError:
            raise deadline_exceeded(
                f"no audio came for {AUDIO_WAIT_S:.0f} s", reason="AUDIO_TIMEOUT"
            ) from None
        if request is None:
            return
        yield request
        if request.audio.pcm_s16le:
            due_s = monotonic() + AUDIO_WAIT_S


def _within_s(flush: pb.RecognizeFlush) -> float | None:
    """How long the client waits for the FINAL, if it says."""
    return waiting_s(flush.within) if flush.HasField("within") else None


@contextmanager
def _first_error() -> Iterator[None]:
    """Raises the first error of a task group alone, the engine's as a status."""
    try:
        yield
    except BaseExceptionGroup as group:
        error = group.exceptions[0]
        if isinstance(error, EngineError):
            raise internal(str(error), reason="DECODE_FAILED") from error
        raise error from None
