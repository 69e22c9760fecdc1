"""How far ahead of the listener a reply is made: no further than it takes to be safe.

What is made beyond that is thrown away when the person interrupts, and kept a worker from others.
"""

import asyncio
from contextvars import ContextVar

AHEAD_S = 1.5
"""With less than this left to play, the next clause is begun: a busy machine's first audio comes
within it. A clause is not cut, so a long one reaches further."""

USERDATA_PACE = "parley.pace"
"""Key of a reply's Pace in its frames' userdata."""


class Pace:
    """Follows one reply: what has been made of it and what has been played."""

    def __init__(self) -> None:
        self._made_s = 0.0
        self._played_s = 0.0
        self._changed = asyncio.Event()

    @property
    def ahead_s(self) -> float:
        """Seconds of audio made and not yet played."""
        return self._made_s - self._played_s

    def made(self, seconds: float) -> None:
        self._made_s += seconds

    def played_until(self, seconds: float) -> None:
        """The reply has been played up to this position."""
        self._played_s = seconds
        self._changed.set()

    async def wanted(self) -> None:
        """Waits until more is to be made."""
        while self.ahead_s > AHEAD_S:
            self._changed.clear()
            await self._changed.wait()


current_pace: ContextVar[Pace] = ContextVar("current_pace")
"""The pace of the reply that the running task speaks."""
