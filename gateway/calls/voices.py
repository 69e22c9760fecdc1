"""The voices that the speech workers can speak with."""

import asyncio

import grpc
from pydantic import BaseModel, ConfigDict

from parley.discovery import Discovery
from parley.errors import SpeechError, WorkerUnavailableError
from parley.rpc.v1 import status_pb2, synthesis_pb2, synthesis_pb2_grpc
from parley.speech.channel import Channels, as_speech_error

LIST_TIMEOUT_S = 1.0


class VoiceListing(BaseModel):
    """One voice; `ready` when its files are on some worker's machine."""

    model_config = ConfigDict(frozen=True)

    name: str
    engine: str
    languages: tuple[str, ...]
    sample_rate_hz: int
    license: str
    ready: bool
    default: bool


class VoiceCatalog:
    """Asks the workers that discovery knows, over `channels`; `aclose` closes those."""

    def __init__(self, default_voice: str, discovery: Discovery, channels: Channels) -> None:
        self._default = default_voice
        self._discovery = discovery
        self._channels = channels

    async def aclose(self) -> None:
        await self._channels.aclose()

    async def voices(self) -> tuple[VoiceListing, ...]:
        """What all reachable workers offer, the default first, then by readiness and name.

        Raises WorkerUnavailableError when no worker answers.
        """
        targets = [worker.target for worker in self._discovery.workers()]
        answers = await asyncio.gather(*map(self._ask, targets), return_exceptions=True)
        await self._channels.forget_others(targets)
        listings: dict[str, VoiceListing] = {}
        failures: list[str] = []
        for answer in answers:
            if isinstance(answer, SpeechError):
                failures.append(str(answer))
            elif isinstance(answer, BaseException):
                raise answer
            else:
                for voice in answer:
                    known = listings.get(voice.name)
                    if known is None or (voice.ready and not known.ready):
                        listings[voice.name] = voice
        if len(failures) == len(answers):
            raise WorkerUnavailableError("; ".join(failures) or "no speech worker is known")
        order = sorted(listings.values(), key=lambda v: (not v.default, not v.ready, v.name))
        return tuple(order)

    async def _ask(self, target: str) -> list[VoiceListing]:
        try:
            worker = synthesis_pb2_grpc.SpeechSynthesisStub(self._channels.to(target))
            response = await worker.ListVoices(
                synthesis_pb2.ListVoicesRequest(), timeout=LIST_TIMEOUT_S
            )
        except grpc.aio.AioRpcError as error:
            raise as_speech_error(error, target=target) from error
        return [self._listing(voice) for voice in response.voices]

    def _listing(self, voice: status_pb2.Voice) -> VoiceListing:
        return VoiceListing(
            name=voice.name,
            engine=voice.engine,
            languages=tuple(voice.languages),
            sample_rate_hz=voice.sample_rate_hz,
            license=voice.license,
            ready=voice.residency
            not in (
                status_pb2.VOICE_RESIDENCY_UNSPECIFIED,
                status_pb2.VOICE_RESIDENCY_REMOTE,
            ),
            default=voice.name == self._default,
        )
