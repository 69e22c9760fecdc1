"""Which voice the agent speaks in, and how a caller changes it."""

import asyncio

import grpc
from livekit import rtc

from agent.tts import WorkerTTS
from parley.discovery import Discovery
from parley.errors import SpeechError, VoiceNotFoundError, WorkerUnavailableError
from parley.room_events import SET_VOICE_METHOD
from parley.rpc.v1 import synthesis_pb2
from parley.speech import SpeechPool
from parley.speech.channel import as_speech_error

LOAD_TIMEOUT_S = 8.0
"""Below the 10 s that a LiveKit RPC waits for its answer."""
VOICE_NOT_FOUND = 404
VOICE_UNAVAILABLE = 503


class Voices:
    """Changes the voice to one that a worker has loaded: the next reply is spoken in it."""

    def __init__(self, pool: SpeechPool, discovery: Discovery, speaking: WorkerTTS) -> None:
        self._pool = pool
        self._discovery = discovery
        self._speaking = speaking

    def serve(self, room: rtc.Room) -> None:
        """Answers the SET_VOICE_METHOD of the room's clients; the room must be connected."""
        room.local_participant.register_rpc_method(SET_VOICE_METHOD, self._on_rpc)

    async def use(self, voice: str) -> None:
        """Raises VoiceNotFoundError (its text lists those there are) or another SpeechError."""
        targets = [worker.target for worker in self._discovery.workers()]
        answers = await asyncio.gather(*(self._load(target, voice) for target in targets))
        failures = [answer for answer in answers if answer is not None]
        if len(failures) == len(answers):
            unknown = [error for error in failures if isinstance(error, VoiceNotFoundError)]
            raise (unknown or failures or [WorkerUnavailableError("no speech worker is known")])[0]
        self._speaking.voice = voice

    async def _load(self, target: str, voice: str) -> SpeechError | None:
        try:
            await self._pool.stub(target).LoadVoice(
                synthesis_pb2.LoadVoiceRequest(voice=voice), timeout=LOAD_TIMEOUT_S
            )
        except grpc.aio.AioRpcError as error:
            return as_speech_error(error, target=target)
        return None

    async def _on_rpc(self, request: rtc.RpcInvocationData) -> str:
        voice = request.payload.strip()
        try:
            if voice:
                await self.use(voice)
        except VoiceNotFoundError as error:
            raise rtc.RpcError(VOICE_NOT_FOUND, str(error)) from error
        except SpeechError as error:
            raise rtc.RpcError(VOICE_UNAVAILABLE, str(error)) from error
        return self._speaking.voice
