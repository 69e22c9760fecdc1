"""Whether the model writes a reply as fast as it is spoken."""

from collections import deque

from dialogue.text.languages import Language
from dialogue.text.languages.english import LANGUAGE as ENGLISH
from parley.clock import Clock, monotonic

JUDGED_S = 0.6
"""From how much writing on it can be told."""
STALL_S = 1.5
"""One silence this long is no pace: the model was not writing. Several in a row are."""
_TOKENS = 12
"""Judged are the latest."""


class TokenRate:
    """One reply's. Call `wrote` with every token as it comes."""

    def __init__(self, language: Language = ENGLISH, *, clock: Clock = monotonic) -> None:
        self._language = language
        self._clock = clock
        self._last_s: float | None = None
        self._written: deque[tuple[float, int]] = deque(maxlen=_TOKENS)
        """Of each token: the seconds that it took, and its characters."""

    def wrote(self, text: str) -> None:
        now_s = self._clock()
        if self._last_s is not None:
            self._written.append((now_s - self._last_s, len(text)))
        self._last_s = now_s

    @property
    def keeps_up(self) -> bool:
        """True while that cannot be told."""
        written = list(self._written)
        longest = max(written, default=(0.0, 0))
        if longest[0] > STALL_S:
            written.remove(longest)
        elapsed_s = sum(took_s for took_s, _ in written)
        characters = sum(count for _, count in written)
        return elapsed_s < JUDGED_S or characters >= self._language.chars_per_s * elapsed_s
