"""Which voice the agent speaks in, and how a caller changes it."""

import logging
from collections.abc import Awaitable, Callable, Sequence

from livekit import rtc

from agent.tts import WorkerTTS
from parley.budgets import in_words, without_limit
from parley.errors import (
    SpeechError,
    VoiceNotFoundError,
    WorkersBusyError,
    WorkerUnavailableError,
)
from parley.room_events import SET_VOICE_METHOD
from parley.speech import SpeechPool
from parley.token_bucket import TokenBucket

LOAD_TIMEOUT_S = 8.0
"""Below the 10 s that a LiveKit RPC waits for its answer."""
NOT_YOURS = 403
VOICE_NOT_FOUND = 404
VOICE_UNAVAILABLE = 503
TOO_MANY_CHANGES = 429
CHANGES_PER_MINUTE = 10
"""Every change may load a voice on a worker."""
LONGEST_NAME = 200

_log = logging.getLogger(__name__)


class VoiceControl:
    """Changes the voice to one that a worker has loaded: the next reply is spoken in it.

    A caller may choose among `offered` and the default voice; where nothing is offered, among
    those whose files are on the workers' machines, so that no caller has voices fetched. `spends`
    takes one change to another voice than the default: None, or the seconds to wait.
    """

    def __init__(
        self,
        pool: SpeechPool,
        speaking: WorkerTTS,
        *,
        offered: Sequence[str] = (),
        spends: Callable[[], Awaitable[int | None]] = without_limit,
    ) -> None:
        self._pool = pool
        self._speaking = speaking
        self._offered = offered
        self._spends = spends
        self._budget = TokenBucket(CHANGES_PER_MINUTE)
        self._is_loading = False
        self._talks_with: Callable[[str], bool] = lambda identity: False
        self.chosen = ""
        """By the caller; empty: none. An agent that takes over and has no own voice keeps it."""

    def serve(self, room: rtc.Room, *, talks_with: Callable[[str], bool]) -> None:
        """Answers the SET_VOICE_METHOD of the one participant whom the agent talks with, by
        identity; the room must be connected."""
        self._talks_with = talks_with
        room.local_participant.register_rpc_method(SET_VOICE_METHOD, self._on_rpc)

    async def choose(self, voice: str) -> None:
        """What the caller wants to hear; raises as `use` does, VoiceNotFoundError for what is not
        offered, and WorkersBusyError while another voice is being loaded for the caller."""
        if self._is_loading:
            raise WorkersBusyError("another voice is being loaded", retry_after_s=1.0)
        default, offered = self._speaking.default_voice, set(self._offered) or self._stored()
        if voice != default and voice not in offered:
            there_are = ", ".join([default, *sorted(offered - {default})])
            raise VoiceNotFoundError(f"no voice {voice!r}: there are {there_are}")
        await self.use(voice)
        self.chosen = voice

    async def use(self, voice: str) -> None:
        """Raises VoiceNotFoundError or WorkerUnavailableError.

        Both texts are for the caller: why no worker could load the voice is in the log.
        """
        self._is_loading = True
        try:
            await self._pool.load(voice, timeout_s=LOAD_TIMEOUT_S)
        except VoiceNotFoundError as error:
            _log.warning("voice %s is not there: %s", voice, error)
            raise VoiceNotFoundError(f"no worker has the voice {voice!r}") from error
        except SpeechError as error:
            _log.warning("voice %s cannot be loaded: %s", voice, error)
            raise WorkerUnavailableError(
                f"the voice {voice} cannot be loaded at present"
            ) from error
        finally:
            self._is_loading = False
        self._speaking.voice = voice

    async def _wait_s(self, voice: str) -> int | None:
        wait_s = self._budget.retry_after_s()
        if wait_s is None and voice != self._speaking.default_voice:
            wait_s = await self._spends()
        return wait_s

    def _stored(self) -> set[str]:
        workers = self._pool.scoreboard.candidates()
        return {voice for worker in workers for voice in worker.stored}

    async def _on_rpc(self, request: rtc.RpcInvocationData) -> str:
        if not self._talks_with(request.caller_identity):
            raise rtc.RpcError(NOT_YOURS, "only whom the agent talks with may choose its voice")
        voice = request.payload.strip()
        if len(voice) > LONGEST_NAME:
            raise rtc.RpcError(VOICE_NOT_FOUND, "no voice has a name that long")
        wait_s = await self._wait_s(voice) if voice else None
        if wait_s is not None:
            raise rtc.RpcError(TOO_MANY_CHANGES, f"try again in {in_words(wait_s)}")
        try:
            if voice:
                await self.choose(voice)
        except VoiceNotFoundError as error:
            raise rtc.RpcError(VOICE_NOT_FOUND, str(error)) from error
        except WorkersBusyError as error:
            raise rtc.RpcError(TOO_MANY_CHANGES, f"{error}: try again in 1 s") from error
        except SpeechError as error:
            raise rtc.RpcError(VOICE_UNAVAILABLE, str(error)) from error
        return self._speaking.voice
