"""Telling the agent's own voice, come back through loudspeakers, from the person's.

Browsers cancel echo; phones on speaker and other clients may not. The comparison is Geigel's
(Duttweiler, "A Twelve-Channel Digital Echo Canceler", 1978): a microphone level that the recent
loudspeaker level explains is echo, anything clearly above it is a person. How much the room gives
back is learned from what comes back.
"""

import re
from collections import deque
from dataclasses import dataclass, field
from difflib import SequenceMatcher

import numpy as np
import numpy.typing as npt

Levels = npt.NDArray[np.float64]

WINDOW_S = 0.032
LONGEST_DELAY_S = 0.5
"""Transport both ways, jitter buffer and room."""
MARGIN_DB = 6.0
NO_ECHO_DB = -45.0
"""Return level assumed before anything has come back: what a browser's canceller leaves."""
RISE = 0.5
FALL = 0.005
FLOOR_DB = -70.0
LIKENESS_S = 0.8
"""Stretch over which the shape of what is heard is compared with what was played."""
SOUNDING_DB = -45.0
UNLIKE = 0.4
"""Correlation of levels under which a stretch is not an echo. Two voices that have nothing to do
with each other reach it at no delay; an echo is above it at its own."""
ALIKE_DB = 6.0
"""Two noises that go when the agent falls silent, and are this alike, are its echo."""
RECENT_WORDS = 25
SHORTEST_REPEAT = 2
"""One word in common is no evidence: people answer with the agent's words."""

_DELAYS = round(LONGEST_DELAY_S / WINDOW_S)
_STRETCH = round(LIKENESS_S / WINDOW_S)


@dataclass
class EchoGuard:
    """Call `hears` once per microphone window, in time; the rest when it has been judged."""

    _played: deque[float] = field(default_factory=lambda: deque(maxlen=_DELAYS + _STRETCH))
    _heard: deque[float] = field(default_factory=lambda: deque(maxlen=_STRETCH))
    _return_db: float = NO_ECHO_DB
    _suspected_db: float | None = None

    @property
    def return_db(self) -> float:
        """Level of the echo relative to what was played."""
        return self._return_db

    def hears(self, microphone_db: float, *, played_db: float) -> bool:
        """Takes the levels of a window; whether the echo of what was played can be all of it.

        It can when it is no louder than what the room gives back, unless it goes on and its shape
        is another's: then too much has been taken for echo, and that is unlearned.
        """
        self._played.append(max(played_db, FLOOR_DB))
        self._heard.append(max(microphone_db, FLOOR_DB))
        if microphone_db > self._loudest_db() + self._return_db + MARGIN_DB:
            return False
        if self._return_db > NO_ECHO_DB and self._likeness() < UNLIKE:
            self._return_db = NO_ECHO_DB
            return False
        return True

    def returned_db(self, microphone_db: float) -> float:
        """How much of what was played this level is, if it is an echo."""
        return min(microphone_db - self._loudest_db(), 0.0)

    def was_echo(self, returned_db: float) -> None:
        """A window that turned out to be the agent's own voice: the room returns that much."""
        rate = RISE if returned_db > self._return_db else FALL
        self._return_db += rate * (returned_db - self._return_db)

    def went_with_the_voice(self, returned_db: float) -> None:
        """A sound without words, this loud, that ended when the agent fell silent.

        Once it may be anything; twice the same is the room.
        """
        before_db, self._suspected_db = self._suspected_db, returned_db
        if before_db is not None and abs(before_db - returned_db) <= ALIKE_DB:
            self._return_db = max(self._return_db, before_db, returned_db)

    def somebody_spoke(self) -> None:
        """What was judged was a person."""
        self._suspected_db = None

    def _likeness(self) -> float:
        """Correlation of the levels heard with those played, at the delay where it is best.

        1 while there is too little to compare.
        """
        if len(self._played) < _DELAYS + _STRETCH:
            return 1.0
        heard, played = np.array(self._heard), np.array(self._played)
        if np.count_nonzero(played[_DELAYS:] > SOUNDING_DB) < 0.8 * _STRETCH:
            return 1.0
        lagged = (played[_DELAYS - lag : len(played) - lag] for lag in range(_DELAYS + 1))
        return max(_correlation(heard, reference) for reference in lagged)

    def _loudest_db(self) -> float:
        return max(list(self._played)[-_DELAYS:], default=FLOOR_DB)


def _correlation(one: Levels, other: Levels) -> float:
    spread = float(one.std() * other.std())
    return float(np.mean((one - one.mean()) * (other - other.mean()))) / spread if spread else 0.0


def repeats(text: str, heard: str, *, share: float = 0.7) -> bool:
    """Whether `text` is what the agent has just said: most of its words, in that order.

    Recognition of an echo makes mistakes, so `share` of the words is enough.
    """
    said = _words(text)
    if len(said) < SHORTEST_REPEAT:
        return False
    recent = _words(heard)[-RECENT_WORDS:]
    blocks = SequenceMatcher(a=recent, b=said, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks) >= share * len(said)


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9']+", text.lower())
