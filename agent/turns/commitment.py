"""When a turn is one: from then on what an answer does may have effects.

An answer is begun on a guess, while the person may only pause. Two things make it sure: the
framework has taken the turn as ended, and the person has kept silent for a while since. The second
is for sentences whose first half sounds like a whole one: speaking into a pause is a pity, but an
order placed on half a sentence cannot be taken back.
"""

import asyncio
from collections.abc import Callable

from parley.clock import Clock, monotonic

CHECK_S = 0.05
LONGEST_NOISE_S = 3.0
"""After the framework took the turn: what still sounds then, and is not judged, is a noise, for a
person who had gone on would have cut the answer by now."""
LONGEST_RECOGNITION_S = 5.0
"""Since the person was last heard: what is not recognized by then will not be."""


class Commitment:
    """Of one reply. `taken` when the framework has taken the turn, then `sure` returns."""

    def __init__(
        self,
        *,
        silence_s: float,
        last_spoke_s: Callable[[], float],
        is_contested: Callable[[], bool],
        words_owed: Callable[[], bool] = lambda: False,
        clock: Clock = monotonic,
    ) -> None:
        """`silence_s`: how long the person must have been silent; 0 for what was typed.
        `last_spoke_s`: when they were last heard, on the clock; `is_contested`: whether speech
        over the answer is being judged; `words_owed`: whether recognition still works on some."""
        self._silence_s = silence_s
        self._last_spoke_s = last_spoke_s
        self._is_contested = is_contested
        self._words_owed = words_owed
        self._clock = clock
        self._taken = asyncio.Event()

    def taken(self) -> None:
        self._taken.set()

    async def sure(self) -> None:
        """Returns once the turn is known to be one; never for a turn that was none."""
        await self._taken.wait()
        if not self._silence_s:
            return
        latest_s = self._clock() + LONGEST_NOISE_S
        was_quiet = False
        while True:
            is_quiet = self._is_quiet(noise_from_s=latest_s)
            # Twice: words that recognition has just given up need a moment to be judged.
            if is_quiet and was_quiet:
                return
            was_quiet = is_quiet
            await asyncio.sleep(CHECK_S)

    def _is_quiet(self, *, noise_from_s: float) -> bool:
        """Whether nothing says that the person goes on; sounds are noise from a time on."""
        now_s = self._clock()
        silent_s = now_s - self._last_spoke_s()
        if self._is_contested() or (self._words_owed() and silent_s < LONGEST_RECOGNITION_S):
            return False
        return silent_s >= self._silence_s or now_s >= noise_from_s
