"""How often a second worker may be asked for the same first audio."""

from dataclasses import dataclass, field

HEDGED_SHARE = 0.02
BURST = 2.0
MOST_OWED = 100.0


@dataclass
class HedgeBudget:
    """Earns a fiftieth of a hedge with each request; hedges stay at most 2% of requests.

    Source: Dean and Barroso, "The Tail at Scale" (2013): a few hedged requests cut the tail,
    many only add load.
    """

    _saved: float = field(default=0.0, init=False)

    @property
    def saved(self) -> float:
        """Hedges that may start now; below 0 where more have started than were earned."""
        return self._saved

    def earn(self) -> None:
        self._saved = min(BURST, self._saved + HEDGED_SHARE)

    def spend(self) -> bool:
        """Whether a hedge may start now; if so it is paid for."""
        if self._saved < 1.0:
            return False
        self._saved -= 1.0
        return True

    def owe(self) -> None:
        """A hedge has started elsewhere: it is paid for, from what will be earned if need be."""
        self._saved = max(-MOST_OWED, self._saved - 1.0)
