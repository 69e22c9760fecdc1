"""How finished a speaker sounds in a pause, worked out beside the decode of what they said."""

import asyncio
import logging

import numpy as np

from workers.engines.asr_engine import SAMPLE_RATE_HZ, FloatSamples
from workers.recognition.turn_sound import HEARD_S, TurnSounds

_log = logging.getLogger(__name__)


class PauseSound:
    """One speaker's. The pause that was asked about is answered once; speech makes it void."""

    def __init__(self, sounds: TurnSounds) -> None:
        self._sounds = sounds
        _ = sounds.loaded  # begins to be
        self._heard: FloatSamples = np.empty(0, np.float32)
        self._answer: asyncio.Task[float | None] | None = None

    def push_audio(self, samples: FloatSamples) -> None:
        self._heard = np.concatenate([self._heard, samples])[-HEARD_S * SAMPLE_RATE_HZ :]

    def turn_ended(self) -> None:
        self._heard = np.empty(0, np.float32)

    def ask(self) -> None:
        """The speaker has paused here."""
        self.forget()
        self._answer = asyncio.create_task(self._finished(self._heard), name="pause-sound")

    def forget(self) -> None:
        """Nobody wants the answer any more: the network's run ends by itself."""
        if self._answer is not None:
            self._answer.cancel()
            self._answer = None

    async def answer(self) -> float | None:
        """The probability that the turn is over, for the pause that was asked about last; None
        where the network is not there, or failed."""
        if self._answer is None:
            self.ask()
        asked, self._answer = self._answer, None
        return await asked if asked is not None else None

    async def _finished(self, heard: FloatSamples) -> float | None:
        if (sound := self._sounds.loaded) is None:
            return None
        try:
            return await asyncio.to_thread(sound.finished, heard)
        except Exception:  # the words alone then tell whether the turn has ended
            _log.exception("how finished a turn sounds could not be told")
            return None
