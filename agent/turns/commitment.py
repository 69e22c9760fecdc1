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
LONGEST_WAIT_S = 3.0
"""After the framework took the turn: what still sounds then is a noise, for a person who had gone
on would have cut the answer by now."""


class Commitment:
    """Of one reply. `taken` when the framework has taken the turn, then `sure` returns."""

    def __init__(
        self,
        *,
        silence_s: float,
        last_spoke_s: Callable[[], float],
        is_contested: Callable[[], bool],
        clock: Clock = monotonic,
    ) -> None:
        """`silence_s`: how long the person must have been silent; 0 for what was typed.
        `last_spoke_s`: when they were last heard, on the clock; `is_contested`: whether speech
        over the answer is being judged."""
        self._silence_s = silence_s
        self._last_spoke_s = last_spoke_s
        self._is_contested = is_contested
        self._clock = clock
        self._taken = asyncio.Event()

    def taken(self) -> None:
        self._taken.set()

    async def sure(self) -> None:
        """Returns once the turn is known to be one; never for a turn that was none."""
        await self._taken.wait()
        latest_s = self._clock() + LONGEST_WAIT_S
        while self._silence_s and self._clock() < latest_s:
            left_s = self._last_spoke_s() + self._silence_s - self._clock()
            if left_s <= 0 and not self._is_contested():
                return
            await asyncio.sleep(max(left_s, CHECK_S))
