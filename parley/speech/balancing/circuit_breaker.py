"""A circuit per worker: one that was lost is left alone for a while, then tried by one call."""

from dataclasses import dataclass, field

from parley.clock import Clock, monotonic

FIRST_REST_S = 0.5
LONGEST_REST_S = 8.0
TRIAL_S = 2.0


@dataclass
class CircuitBreaker:
    """Opens when the worker is lost; each further loss doubles the rest, a success closes it."""

    clock: Clock = monotonic
    _losses: int = field(default=0, init=False)
    _open_until: float = field(default=float("-inf"), init=False)

    @property
    def closed(self) -> bool:
        """Whether a call may go to the worker now."""
        return self.clock() >= self._open_until

    def begin(self) -> None:
        """A call goes to the worker; after a loss it is a trial whose outcome others await."""
        if self._losses:
            self._open_until = self.clock() + TRIAL_S

    def succeeded(self) -> None:
        self._losses = 0
        self._open_until = float("-inf")

    def lost(self) -> None:
        rest_s: float = min(FIRST_REST_S * 2**self._losses, LONGEST_REST_S)
        self._losses = min(self._losses + 1, 16)
        self._open_until = self.clock() + rest_s
