"""The SpeechSynthesis service: admission, validation, voices, control; see the proto's comments."""

# ruff: noqa: N802 - the contract names the methods

import logging
import math
import time
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from contextlib import aclosing
from typing import Any

import grpc

from parley.errors import ModelError
from parley.rpc.v1 import status_pb2
from parley.rpc.v1 import synthesis_pb2 as pb
from parley.rpc.v1 import synthesis_pb2_grpc as rpc
from parley.telemetry import logs, tracing
from parley.telemetry.worker import WorkerLatency
from workers.engines.tts_engine import EngineError
from workers.serving.admission import SlotPerText, Slots
from workers.serving.durations import waiting_s
from workers.serving.errors import (
    answering_errors,
    failed_precondition,
    invalid_argument,
    unavailable,
)
from workers.serving.opening import read_open
from workers.serving.profiles import SlowWorkProfiles
from workers.serving.status import WorkerIdentity
from workers.synthesis.control import RunningSpeech, SpeechControl
from workers.synthesis.pcm import UtterancePcm
from workers.synthesis.residency import NoRoomError, Residency, VoiceInUseError, VoiceLease
from workers.synthesis.stream import Hearing, SynthesisStream, duration, texts_of
from workers.synthesis.voices import WorkerVoices

_log = logging.getLogger(__name__)

SLOWEST, FASTEST = 0.5, 2.0
LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 8000, 48000

Context = grpc.aio.ServicerContext[Any, Any]


class SynthesisService(rpc.SpeechSynthesisServicer):
    """Speaks with the engine's voices, each utterance on a thread of `executor`."""

    def __init__(
        self,
        *,
        identity: WorkerIdentity,
        slots: Slots,
        voices: WorkerVoices,
        residency: Residency,
        latency: WorkerLatency,
        profiles: SlowWorkProfiles,
        executor: Executor,
    ) -> None:
        self._identity = identity
        self._slots = slots
        self._voices = voices
        self._residency = residency
        self._latency = latency
        self._profiles = profiles
        self._executor = executor
        self._running = RunningSpeech()

    # As coroutines that write, not as generators: a generator that is cancelled while its
    # message is being written would hold its slot until it is collected.
    async def Synthesize(  # type: ignore[override]
        self, request_iterator: AsyncIterator[pb.SynthesizeRequest], context: Context
    ) -> None:
        async with answering_errors(context):
            open_ = (await read_open(request_iterator)).open
            _validate(open_)
            voice = self._voices.find(open_.voice).name
            control = SpeechControl(session_id=open_.session_id, utterance_id=open_.utterance_id)
            control.voice = voice
            with (
                logs.bound(session=open_.session_id),
                tracing.serving(
                    context.invocation_metadata(),
                    "synthesize",
                    attributes={"parley.voice": voice, "parley.worker": self._identity.worker_id},
                ),
                control.ended_by_stop(),
            ):
                async with self._slots.by_text(wait_s=_longest_wait_s(open_)) as slot:
                    with self._running.joined(control):
                        await self._speak(request_iterator, context, open_, control, slot)

    async def _speak(
        self,
        requests: AsyncIterator[pb.SynthesizeRequest],
        context: Context,
        open_: pb.SynthesizeOpen,
        control: SpeechControl,
        slot: SlotPerText,
    ) -> None:
        began = time.monotonic()
        lease = await self._lease(control.voice)
        try:
            rate_hz = open_.sample_rate_hz or lease.voice.sample_rate_hz
            started = pb.SynthesisStarted(
                worker_id=self._identity.worker_id,
                engine=self._identity.engine,
                voice=control.voice,
                sample_rate_hz=rate_hz,
                queued=duration(slot.waited_s + time.monotonic() - began),
                reproducible=lease.voice.reproducible,
            )
            await context.write(pb.SynthesizeResponse(started=started))
            pcm = UtterancePcm(
                voice_rate_hz=lease.voice.sample_rate_hz,
                answered_rate_hz=rate_hz,
                start_offset_samples=open_.start_offset_samples,
            )
            with self._profiles.timed(open_.utterance_id) as engine_time:
                stream = SynthesisStream(
                    open_,
                    context.write,
                    pcm=pcm,
                    control=control,
                    engine_time=engine_time,
                    executor=self._executor,
                    on_first_audio=lambda waited_s: self._latency.observe(
                        waited_s, trace_id=tracing.sampled_trace_id()
                    ),
                )
                hearing = Hearing()
                async with aclosing(texts_of(requests, hearing)) as texts:
                    async for text in texts:
                        if lease.stale:
                            lease.release()
                            lease = await self._lease(control.voice)
                        before = pcm.position
                        stream.text_came()
                        async with slot.working():
                            await stream.speak(text, lease.voice)
                        hearing.made((pcm.position - before) / rate_hz)
                await stream.finish()
        finally:
            lease.release()

    async def _lease(self, voice: str) -> VoiceLease:
        try:
            return await self._residency.acquire(voice)
        except (ModelError, EngineError, NoRoomError) as error:
            _log.warning("voice %s cannot be loaded: %s", voice, error)
            raise unavailable(
                f"voice {voice} cannot be loaded: {error}", reason="VOICE_UNAVAILABLE"
            ) from error

    async def ListVoices(
        self, request: pb.ListVoicesRequest, context: Context
    ) -> pb.ListVoicesResponse:
        return pb.ListVoicesResponse(voices=await self._voices.messages(self._residency))

    async def LoadVoice(
        self, request: pb.LoadVoiceRequest, context: Context
    ) -> pb.LoadVoiceResponse:
        async with answering_errors(context):
            spec = self._voices.find(request.voice)
            began = time.monotonic()
            (await self._lease(spec.name)).release()
            return pb.LoadVoiceResponse(
                voice=self._voices.message(spec, self._residency),
                load=duration(time.monotonic() - began),
            )
        raise AssertionError("unreachable: a failed call has been aborted")

    async def UnloadVoice(
        self, request: pb.UnloadVoiceRequest, context: Context
    ) -> pb.UnloadVoiceResponse:
        async with answering_errors(context):
            try:
                await self._residency.unload(self._voices.find(request.voice).name)
            except VoiceInUseError as error:
                raise failed_precondition(str(error), reason="VOICE_IN_USE") from None
        return pb.UnloadVoiceResponse()

    async def GetStatus(
        self, request: status_pb2.GetStatusRequest, context: Context
    ) -> status_pb2.GetStatusResponse:
        voices = await self._voices.messages(self._residency)
        status = self._identity.status(
            self._slots,
            voices,
            pending=self._slots.rounds,
            recent_work_s=self._slots.recent_work_s,
        )
        return status_pb2.GetStatusResponse(status=status)

    async def ControlSpeech(
        self, request: pb.ControlSpeechRequest, context: Context
    ) -> pb.ControlSpeechResponse:
        async with answering_errors(context):
            if not request.session_id:
                raise invalid_argument("session_id", "is empty; name the session to control")
            controls = self._running.of(request.session_id, request.utterance_id)
            match request.action:
                case pb.SPEECH_ACTION_PAUSE:
                    for control in controls:
                        control.pause()
                case pb.SPEECH_ACTION_RESUME:
                    for control in controls:
                        control.resume()
                case pb.SPEECH_ACTION_STOP:
                    for control in controls:
                        control.stop()
                case pb.SPEECH_ACTION_RELOAD:
                    for voice in {control.voice for control in controls}:
                        await self._residency.retire(voice)
                case _:
                    raise invalid_argument("action", "is none of pause, resume, stop, reload")
            return pb.ControlSpeechResponse(utterances=len(controls))
        raise AssertionError("unreachable: a failed call has been aborted")


def _longest_wait_s(open_: pb.SynthesizeOpen) -> float | None:
    """How long the client waits for a slot, if it says."""
    if not open_.HasField("wait"):
        return None
    return waiting_s(open_.wait)


def _validate(open_: pb.SynthesizeOpen) -> None:
    """Raises INVALID_ARGUMENT for values that no voice can serve."""
    speed, rate_hz = open_.speed, open_.sample_rate_hz
    if not math.isfinite(speed) or (speed != 0 and not SLOWEST <= speed <= FASTEST):
        raise invalid_argument(
            "open.speed", f"is {speed:g}, allowed are {SLOWEST} to {FASTEST} (0 means 1.0)"
        )
    if rate_hz != 0 and not LOWEST_RATE_HZ <= rate_hz <= HIGHEST_RATE_HZ:
        raise invalid_argument(
            "open.sample_rate_hz",
            f"is {rate_hz}, allowed are {LOWEST_RATE_HZ} to {HIGHEST_RATE_HZ} "
            "(0 means the voice's own)",
        )
