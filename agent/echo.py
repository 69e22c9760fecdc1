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

WINDOW_S = 0.032
LONGEST_DELAY_S = 0.5
"""Transport both ways, jitter buffer and room."""
MARGIN_DB = 6.0
NO_ECHO_DB = -60.0
"""Return level assumed before anything has come back."""
RISE = 0.5
FALL = 0.005
FLOOR_DB = -90.0
RECENT_WORDS = 25
SHORTEST_REPEAT = 2
"""One word in common is no evidence: people answer with the agent's words."""


@dataclass
class EchoGuard:
    """Call `played` and `explains` once per microphone window, in time."""

    _played: deque[float] = field(
        default_factory=lambda: deque(maxlen=round(LONGEST_DELAY_S / WINDOW_S))
    )
    _return_db: float = NO_ECHO_DB

    @property
    def return_db(self) -> float:
        """Level of the echo relative to what was played."""
        return self._return_db

    def played(self, level_db: float) -> None:
        """The level of what the track plays now."""
        self._played.append(max(level_db, FLOOR_DB))

    def explains(self, microphone_db: float) -> bool:
        """Whether the echo of what was played lately can be all that the microphone hears."""
        return microphone_db <= self._loudest_db() + self._return_db + MARGIN_DB

    def was_echo(self, microphone_db: float) -> None:
        """A window that turned out to be the agent's own voice: the room returns that much."""
        returned_db = microphone_db - self._loudest_db()
        rate = RISE if returned_db > self._return_db else FALL
        self._return_db += rate * (returned_db - self._return_db)

    def _loudest_db(self) -> float:
        return max(self._played, default=FLOOR_DB)


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
