"""How far ahead of the listener a reply is made: no further than it takes to be safe.

What is made beyond that is thrown away when the person interrupts, and kept a worker from others.
"""

import asyncio
from collections import deque
from contextvars import ContextVar

from dialogue.text.languages.english import LANGUAGE as ENGLISH

AHEAD_S = 1.5
"""With less than this left to play, the next clause is begun: a busy machine's first audio comes
within it. A clause is not cut, so a long one reaches further."""

LONGEST_AHEAD_S = 4.0
"""The same where the workers' load lets expect that the next clause takes longer than that."""
LOAD_SLACK = 2.0
"""It may take so many times as long as the load lets expect."""

IN_TIME_S = 0.4
"""Text that comes with less than this left to play is too late for a worker that is not idle."""

USERDATA_PACE = "parley.pace"
"""Key of a reply's Pace in its frames' userdata."""


class Pace:
    """Follows one reply: what has been asked for, made and played of it."""

    def __init__(self, *, ahead_s: float = AHEAD_S) -> None:
        """`ahead_s` may be infinite, for speech that nobody plays as it is made."""
        self.chars_per_s = ENGLISH.chars_per_s
        """Of the language that is spoken, for what has been asked for and not been made."""
        self._limit_s = ahead_s
        self._owed_s: deque[float] = deque()
        """Of each text that is not spoken to its end: about how much of it is still to come."""
        self._made_s = 0.0
        self._played_s = 0.0
        self.text_is_late = False
        """The text was asked for too late for its first audio, which has not come yet."""
        self._changed = asyncio.Event()

    @property
    def ahead_s(self) -> float:
        """Seconds of audio made, or about to be, and not yet played."""
        return self._made_s + sum(self._owed_s) - self._played_s

    @property
    def owes(self) -> bool:
        """Whether audio is still to come of what was asked for."""
        return bool(self._owed_s)

    def asked(self, text: str) -> None:
        """The text is about to be sent to a worker."""
        if not self._owed_s:
            self.text_is_late = 0 < self._made_s < self._played_s + IN_TIME_S
        self._owed_s.append(len(text) / self.chars_per_s)

    def made(self, seconds: float) -> None:
        """So much more audio has come."""
        self._made_s += seconds
        self.text_is_late = False
        if self._owed_s:
            self._owed_s[0] = max(0.0, self._owed_s[0] - seconds)
        self._changed.set()

    def spoken(self) -> None:
        """All audio of the oldest text has come."""
        if self._owed_s:
            self._owed_s.popleft()
        self._changed.set()

    def given_up(self) -> None:
        """Nothing more will come of what was asked for."""
        self._owed_s.clear()
        self.text_is_late = False
        self._changed.set()

    def played_until(self, seconds: float) -> None:
        """The reply has been played up to this position."""
        self._played_s = seconds
        self._changed.set()

    async def wanted(self, *, takes_s: float = 0.0) -> None:
        """Waits until more is to be made; `takes_s`: how long that takes, as far as one knows."""
        limit_s = max(self._limit_s, min(LONGEST_AHEAD_S, LOAD_SLACK * takes_s))
        while self.ahead_s > limit_s:
            self._changed.clear()
            await self._changed.wait()


current_pace: ContextVar[Pace] = ContextVar("current_pace")
"""The pace of the reply that the running task speaks."""
