"""How finished a speaker sounds in a pause, worked out beside the decode of what they said."""

import asyncio
import logging

import numpy as np

from workers.engines.asr_engine import SAMPLE_RATE_HZ, FloatSamples
from workers.recognition.turn_sound import HEARD_S, TurnSounds

_log = logging.getLogger(__name__)


class PauseSound:
    """One speaker's. Who asks early, when the decode begins, has the answer with the text."""

    def __init__(self, sounds: TurnSounds) -> None:
        self._sounds = sounds
        _ = sounds.loaded  # begins to be
        self._heard: FloatSamples = np.empty(0, np.float32)
        self._asked_about = 0
        self._answer: asyncio.Task[float | None] | None = None

    def push_audio(self, samples: FloatSamples) -> None:
        self._heard = np.concatenate([self._heard, samples])[-HEARD_S * SAMPLE_RATE_HZ :]

    def turn_ended(self) -> None:
        self._heard = np.empty(0, np.float32)

    def ask(self, voiced_until: int) -> None:
        """The speaker has paused here, after the last voice up to that sample."""
        if self._answer is not None and self._asked_about == voiced_until:
            return
        self.forget()
        self._asked_about = voiced_until
        self._answer = asyncio.create_task(self._finished(self._heard), name="pause-sound")

    def forget(self) -> None:
        """Nobody wants the answer any more: the network's run ends by itself."""
        if self._answer is not None:
            self._answer.cancel()
            self._answer = None

    async def answer(self, voiced_until: int) -> float | None:
        """The probability that the turn is over, in the pause after that sample; None where the
        network is not there, or failed."""
        self.ask(voiced_until)
        return await self._answer if self._answer is not None else None

    async def _finished(self, heard: FloatSamples) -> float | None:
        if (sound := self._sounds.loaded) is None:
            return None
        try:
            return await asyncio.to_thread(sound.finished, heard)
        except Exception:  # the words alone then tell whether the turn has ended
            _log.exception("how finished a turn sounds could not be told")
            return None
