"""Which voice the agent speaks in, and how a caller changes it."""

import logging

from livekit import rtc

from agent.tts import WorkerTTS
from parley.discovery import Discovery
from parley.errors import SpeechError, VoiceNotFoundError, WorkerUnavailableError
from parley.room_events import SET_VOICE_METHOD
from parley.speech import SpeechPool
from parley.speech.admin import WorkerAdmin
from parley.token_bucket import TokenBucket

LOAD_TIMEOUT_S = 8.0
"""Below the 10 s that a LiveKit RPC waits for its answer."""
VOICE_NOT_FOUND = 404
VOICE_UNAVAILABLE = 503
TOO_MANY_CHANGES = 429
CHANGES_PER_MINUTE = 10
"""Every change may load a voice on every worker."""
LONGEST_NAME = 200

_log = logging.getLogger(__name__)


class Voices:
    """Changes the voice to one that a worker has loaded: the next reply is spoken in it."""

    def __init__(self, pool: SpeechPool, discovery: Discovery, speaking: WorkerTTS) -> None:
        self._workers = WorkerAdmin(discovery, pool.channels)
        self._speaking = speaking
        self._budget = TokenBucket(CHANGES_PER_MINUTE)
        self.chosen = ""
        """By the caller; empty: none. An agent that takes over and has no own voice keeps it."""

    def serve(self, room: rtc.Room) -> None:
        """Answers the SET_VOICE_METHOD of the room's clients; the room must be connected."""
        room.local_participant.register_rpc_method(SET_VOICE_METHOD, self._on_rpc)

    async def choose(self, voice: str) -> None:
        """What the caller wants to hear; raises as `use` does."""
        await self.use(voice)
        self.chosen = voice

    async def use(self, voice: str) -> None:
        """Raises VoiceNotFoundError (its text lists those there are) or WorkerUnavailableError.

        Both texts are for the caller: why no worker could load the voice is in the log.
        """
        answers = await self._workers.load(voice, timeout_s=LOAD_TIMEOUT_S)
        if not answers.given:
            failures = answers.failures.values()
            for failure in failures:
                if isinstance(failure, VoiceNotFoundError):
                    raise failure
            reasons = "; ".join(map(str, failures)) or "no speech worker is known"
            _log.warning("voice %s cannot be loaded: %s", voice, reasons)
            raise WorkerUnavailableError(f"the voice {voice} cannot be loaded at present")
        self._speaking.voice = voice

    async def _on_rpc(self, request: rtc.RpcInvocationData) -> str:
        voice = request.payload.strip()
        if len(voice) > LONGEST_NAME:
            raise rtc.RpcError(VOICE_NOT_FOUND, "no voice has a name that long")
        if voice and (wait_s := self._budget.retry_after_s()) is not None:
            raise rtc.RpcError(TOO_MANY_CHANGES, f"try again in {wait_s} s")
        try:
            if voice:
                await self.choose(voice)
        except VoiceNotFoundError as error:
            raise rtc.RpcError(VOICE_NOT_FOUND, str(error)) from error
        except SpeechError as error:
            raise rtc.RpcError(VOICE_UNAVAILABLE, str(error)) from error
        return self._speaking.voice
