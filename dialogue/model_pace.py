"""How soon a language model begins to answer, of late and at its best: whether it has room."""

from collections import deque
from statistics import median

_LATEST = 3
"""Requests whose middle one is what it takes now: a single slow one is no load."""
_REMEMBERED = 30
"""Of them the quickest is what it takes when nothing else is asked of it."""


class ModelPace:
    """Of one conversation. Told in seconds from asking to the first piece of an answer."""

    def __init__(self) -> None:
        self._took_s: deque[float] = deque(maxlen=_REMEMBERED)

    def began(self, after_s: float) -> None:
        """The first piece of an answer came after so long."""
        self._took_s.append(after_s)

    def given_up(self, after_s: float) -> None:
        """The request was withdrawn, and nothing had come for so long: it tells something only
        where it was longer than what is usual."""
        if self._took_s and after_s > self._now_s:
            self._took_s.append(after_s)

    @property
    def slowness(self) -> float:
        """0: as quick as ever, or not known; 0.5: twice as long; towards 1: no end to it."""
        if not self._took_s or self._now_s <= 0.0:
            return 0.0
        return 1.0 - min(self._took_s) / self._now_s

    @property
    def _now_s(self) -> float:
        return median(list(self._took_s)[-_LATEST:])
