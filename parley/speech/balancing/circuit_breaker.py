"""A circuit per worker: one that was lost is left alone for a while, then tried by one call."""

from dataclasses import dataclass, field

from parley.clock import Clock, monotonic

FIRST_REST_S = 0.5
LONGEST_REST_S = 8.0
TRIAL_S = 2.0


@dataclass
class CircuitBreaker:
    """Opens when the worker is lost; each further loss doubles the rest, a success closes it.

    Calls that are lost while the worker rests were lost with the first: they count once, however
    many calls it had.
    """

    clock: Clock = monotonic
    _losses: int = field(default=0, init=False)
    _open_until: float = field(default=float("-inf"), init=False)
    _is_tried: bool = field(default=False, init=False)

    @property
    def closed(self) -> bool:
        """Whether a call may go to the worker now."""
        return self.clock() >= self._open_until

    @property
    def on_trial(self) -> bool:
        """Whether the worker was lost and has not answered since."""
        return self._losses > 0

    def begin(self) -> None:
        """A call goes to the worker; after a loss it is a trial whose outcome others await."""
        if self._losses and self.closed:
            self._is_tried = True
            self._open_until = self.clock() + TRIAL_S

    def succeeded(self) -> None:
        self._losses = 0
        self._is_tried = False
        self._open_until = float("-inf")

    def lost(self) -> None:
        if not self.closed and not self._is_tried:
            return
        rest_s: float = min(FIRST_REST_S * 2**self._losses, LONGEST_REST_S)
        self._losses = min(self._losses + 1, 16)
        self._is_tried = False
        self._open_until = self.clock() + rest_s
