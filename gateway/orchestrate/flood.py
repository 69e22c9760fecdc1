"""A client that says more than anybody can is slowed, and in the end sent away."""

import asyncio
from dataclasses import dataclass, field

from parley.clock import Clock, monotonic

PER_S = 50.0
"""Messages that are taken as they come; a recognizer sends some ten a second."""
AT_ONCE = 100.0
SLOWED_FOR_S = 5.0
"""So long a client is slowed, without a pause, before it has to go."""


class FloodError(Exception):
    """The client does not stop."""


@dataclass
class FloodGate:
    """Of one connection. Each message passes by `pass_one`, which holds it up while there are too
    many: what is not read holds up the client's own sending."""

    clock: Clock = monotonic
    _left: float = field(default=AT_ONCE, init=False)
    _since_s: float = field(default=0.0, init=False)
    _slowed_s: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._since_s = self.clock()

    async def pass_one(self) -> None:
        """Raises FloodError for who was slowed for SLOWED_FOR_S and goes on."""
        now_s = self.clock()
        self._left = min(AT_ONCE, self._left + (now_s - self._since_s) * PER_S)
        self._since_s = now_s
        if self._left >= AT_ONCE / 2:
            self._slowed_s = 0.0
        self._left -= 1
        if self._left >= 0:
            return
        wait_s = -self._left / PER_S
        self._slowed_s += 1 / PER_S
        if self._slowed_s > SLOWED_FOR_S:
            raise FloodError
        await asyncio.sleep(wait_s)
