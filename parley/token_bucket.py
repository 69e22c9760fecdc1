"""How often something may happen: a token bucket."""

from dataclasses import dataclass, field
from math import ceil

from parley.clock import Clock, monotonic


@dataclass
class TokenBucket:
    """`per_minute` times at once, and as many every minute after."""

    per_minute: float
    clock: Clock = monotonic
    _left: float = field(default=0.0, init=False)
    _since_s: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._left = self.per_minute
        self._since_s = self.clock()

    def retry_after_s(self) -> int | None:
        """Takes one: None if it may happen, else the whole seconds to wait."""
        now_s = self.clock()
        per_s = self.per_minute / 60
        self._left = min(self.per_minute, self._left + (now_s - self._since_s) * per_s)
        self._since_s = now_s
        if self._left < 1:
            return ceil((1 - self._left) / per_s)
        self._left -= 1
        return None

    def give_back(self) -> None:
        """What was taken has not happened."""
        self._left = min(self.per_minute, self._left + 1)
