"""Whom the agent cuts off, and how long it waits for their turns from then on.

Whoever goes on as soon as an answer begins had not finished: they had paused, and the pause was
taken for the end. The next one of theirs is waited out; each answer that they hear to its end takes
some of that back.
"""

from collections.abc import Callable

SOON_S = 0.5
"""After an answer's first sound: who speaks so soon has not listened to it."""
PAUSE_S = 2.5
"""A longer silence is no pause within what somebody says."""
LATER_S = 0.25
"""So much longer is waited than they paused: voice activity hears a pause 0.1 s shorter than it is,
and that somebody goes on is known later than they do."""
LONGEST_S = 1.2
"""More is waited for nobody: one long pause is not to slow a whole call."""
FORGOTTEN = 0.1
"""Of the wait, with each answer that is heard to its end."""
LEAST_S = 0.1
"""What is left of it is nothing."""


class CutOffs:
    """One call's. Times are seconds of the barge-in's clock; called in the order things happen."""

    def __init__(self) -> None:
        self.wait_s = 0.0
        """The silence that their turns need at least."""
        self.on_change: Callable[[], None] = lambda: None
        """Told when it has become another."""
        self._paused_s: float | None = None
        self._sounds_s: float | None = None
        """Since when the reply sounds that may have come too soon."""

    def reply_sounds(self, *, at_s: float, spoke_s: float | None) -> None:
        """A reply begins to sound; the person was last heard at `spoke_s`, None: never yet."""
        if self._sounds_s is None:
            self._paused_s, self._sounds_s = spoke_s, at_s

    def person_takes_floor(self, onset_s: float | None) -> None:
        """With speech that began at `onset_s`, over the reply."""
        sounds_s, self._sounds_s = self._sounds_s, None
        if sounds_s is None or onset_s is None or self._paused_s is None:
            return
        pause_s = onset_s - self._paused_s
        if onset_s - sounds_s <= SOON_S and pause_s <= PAUSE_S:
            self._wait(max(self.wait_s, min(pause_s + LATER_S, LONGEST_S)))

    def reply_ends(self) -> None:
        """The reply has sounded to its end; nothing where it did not sound, or was cut."""
        if self._sounds_s is not None:
            self._sounds_s = None
            kept_s = (1.0 - FORGOTTEN) * self.wait_s
            self._wait(kept_s if kept_s >= LEAST_S else 0.0)

    def _wait(self, wait_s: float) -> None:
        if wait_s != self.wait_s:
            self.wait_s = wait_s
            self.on_change()
