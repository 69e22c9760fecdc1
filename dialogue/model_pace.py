"""How soon a language model begins to answer, of late and at its best: whether it has room."""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable
from statistics import median

_LATEST = 3
"""Requests whose middle one is what it takes now: a single slow one is no load."""
_REMEMBERED = 30
"""Of them the quicker ones tell what it takes when nothing else is asked of it: see _QUICK."""
_QUICK = 0.25
"""So many of them are quicker than its best: one may have been lucky."""
_TOUCH_CHARACTERS = 60
"""Of a prompt: what a model takes beside reading it, in characters that it reads meanwhile (of the
local one on two cores some 150 ms, and 10 ms a token)."""


class ModelPace:
    """Of one conversation. Told in seconds from asking to the first piece of an answer.

    A prompt is read from where it differs from what was read before. How much that is depends on
    what was read ahead, and says nothing of the model: two requests are compared as if both had
    had nothing to read.
    """

    def __init__(self) -> None:
        self._took_s: deque[float] = deque(maxlen=_REMEMBERED)
        self._read = ""

    def has_read(self, messages: Iterable[object]) -> None:
        """The model has read this conversation to its end."""
        self._read = _prompt(messages)

    def unread(self, messages: Iterable[object]) -> int:
        """How many characters of this conversation it has not read yet."""
        prompt = _prompt(messages)
        ends = range(1, 1 + min(len(prompt), len(self._read)))
        return len(prompt) - bisect_left(
            ends, True, key=lambda end: not self._read.startswith(prompt[:end])
        )

    def began(self, after_s: float, *, unread: int | None = None) -> None:
        """The first piece of an answer came after so long, to a prompt of which so many characters
        had not been read; None: nobody knows. One that was read whole tells nothing."""
        if unread != 0:
            self._took_s.append(_touch_s(after_s, unread))

    def given_up(self, after_s: float, *, unread: int | None = None) -> None:
        """The request was withdrawn, and nothing had come for so long: it tells something only
        where it was longer than what is usual."""
        touch_s = _touch_s(after_s, unread)
        if self._took_s and touch_s > self._now_s:
            self._took_s.append(touch_s)

    @property
    def slowness(self) -> float:
        """0: as quick as ever, or not known; 0.5: twice as long; towards 1: no end to it."""
        if not self._took_s or self._now_s <= 0.0:
            return 0.0
        best_s = sorted(self._took_s)[int(_QUICK * (len(self._took_s) - 1))]
        return max(0.0, 1.0 - best_s / self._now_s)

    @property
    def _now_s(self) -> float:
        return median(list(self._took_s)[-_LATEST:])


def _touch_s(after_s: float, unread: int | None) -> float:
    """What it would have taken had there been nothing to read."""
    return after_s * _TOUCH_CHARACTERS / (_TOUCH_CHARACTERS + (unread or 0))


def _prompt(messages: Iterable[object]) -> str:
    return "\n".join(map(str, messages))
