"""How soon a language model begins to answer and how quickly it writes, of late and at its best:
whether it has room."""

from collections import deque
from collections.abc import Callable
from statistics import median

_LATEST = 3
"""Requests whose middle one is what it takes now: a single slow one is no load."""
_REMEMBERED = 30
"""Of them the quickest is what it takes when nothing else is asked of it."""
_TIMED_PIECES = 6
"""Of the beginning of an answer. Later ones may wait for whoever takes them."""


class ModelPace:
    """Of one conversation.

    A busy model is later to begin and writes more slowly. A long question makes it later to begin
    too, and a network brings pieces unevenly: so it is as slow as the better of the two says.
    """

    def __init__(self) -> None:
        self._began = _Times()
        self._wrote = _Times()

    def began(self, after_s: float) -> None:
        """The first piece of an answer came so many seconds after it was asked for."""
        self._began.add(after_s)

    def wrote(self, piece_s: float) -> None:
        """The next pieces of an answer took so many seconds each."""
        self._wrote.add(piece_s)

    def given_up(self, after_s: float) -> None:
        """The request was withdrawn, and nothing had come for so long: it tells something only
        where it was longer than what is usual."""
        if self._began and after_s > self._began.now_s:
            self._began.add(after_s)

    @property
    def slowness(self) -> float:
        """0: as quick as ever, or not known; 0.5: twice as long; towards 1: no end to it."""
        return min((times.slowness for times in (self._began, self._wrote) if times), default=0.0)


class AnswerTiming:
    """Of one request, from now on: tells the pace."""

    def __init__(self, pace: ModelPace, clock: Callable[[], float]) -> None:
        self._pace, self._clock = pace, clock
        self._asked_s = self._first_s = clock()
        self._pieces = 0

    def piece(self) -> None:
        """A piece of the answer has come."""
        self._pieces += 1
        if self._pieces == 1:
            self._first_s = self._clock()
            self._pace.began(self._first_s - self._asked_s)
        elif self._pieces == _TIMED_PIECES:
            self._pace.wrote((self._clock() - self._first_s) / (_TIMED_PIECES - 1))

    def given_up(self) -> None:
        """The request was withdrawn."""
        if not self._pieces:
            self._pace.given_up(self._clock() - self._asked_s)


class _Times(deque[float]):
    """The latest, in seconds."""

    def __init__(self) -> None:
        super().__init__(maxlen=_REMEMBERED)

    def add(self, time_s: float) -> None:
        self.append(time_s)

    @property
    def now_s(self) -> float:
        return median(list(self)[-_LATEST:])

    @property
    def slowness(self) -> float:
        return 1.0 - min(self) / self.now_s if self and self.now_s > 0.0 else 0.0
