"""Whether the model writes a reply as fast as it is spoken."""

from dialogue.text.languages import Language
from dialogue.text.languages.english import LANGUAGE as ENGLISH
from dialogue.text.segmenter import ends_sentence
from parley.clock import Clock, monotonic

JUDGED_S = 0.6
"""From how much writing on it can be told."""
STALL_S = 1.5
"""A silence this long is no pace: the model was not writing."""


class TokenRate:
    """One reply's. Call `wrote` with every token as it comes.

    What a slow model has written goes to the voice by whole sentences: clause by clause it would
    stop in every sentence, for a moment or for longer.
    """

    def __init__(self, language: Language = ENGLISH, *, clock: Clock = monotonic) -> None:
        self._language = language
        self._clock = clock
        self._began_s = self._last_s = 0.0
        self._characters = 0

    def wrote(self, text: str) -> None:
        now_s = self._clock()
        if not self._characters or now_s - self._last_s > STALL_S:
            self._began_s, self._characters = now_s, 0
        self._last_s = now_s
        self._characters += len(text)

    @property
    def keeps_up(self) -> bool:
        """True while that cannot be told."""
        elapsed_s = self._last_s - self._began_s
        return elapsed_s < JUDGED_S or self._characters >= self._language.chars_per_s * elapsed_s

    def may_be_spoken(self, stretches: list[str]) -> bool:
        """Whether the voice is to have these stretches of text now."""
        if self.keeps_up or not stretches:
            return True
        return ends_sentence(stretches[-1], self._language)
