"""Which text of a reply goes to the voice now, as the model writes it.

A quick model has its clauses spoken as they are complete. One that writes slower than it is
spoken has whole sentences spoken, for clause by clause it would stop in every one; but before the
silence grows long it has what there is spoken, up to a natural place.
"""

import math

from agent.playout.token_rate import TokenRate
from dialogue.text.languages import Language
from dialogue.text.segmenter import ClauseSegmenter, ends_sentence
from parley.clock import Clock, monotonic

PAUSE_S = 0.3
"""When a quick model pauses this long in mid-sentence, what there is gets spoken."""
PHRASE_WORDS, LEAST_WORDS = 3, 2
SILENCE_S = 3.0
"""After this much silence a phrase is spoken."""
LONGEST_SILENCE_S = 3.5
"""After this much even a shorter one: the voice takes some tenths of a second to begin."""
ONE_WORD_S = 5.0
"""After this much whatever there is."""
_CLOSE_S = 0.005
"""What is due so soon is due: timers are no more exact."""


class ReplyStretches:
    """One reply's. After `wait_s` without a new token call `waited`; what is returned is spoken,
    and `spoke` is told of it."""

    def __init__(
        self, segmenter: ClauseSegmenter, language: Language, *, clock: Clock = monotonic
    ) -> None:
        self._segmenter = segmenter
        self._language = language
        self._clock = clock
        self._rate = TokenRate(language, clock=clock)
        self._ready: list[str] = []
        self._last_s = 0.0
        self._sounds_until_s: float | None = None
        """The estimated end of what was spoken; None before the first token."""

    def wrote(self, text: str) -> list[str]:
        """The model has written this."""
        self._rate.wrote(text)
        self._last_s = self._clock()
        if self._sounds_until_s is None:
            self._sounds_until_s = self._last_s
        self._ready += self._segmenter.push(text)
        return self._due()

    def waited(self) -> list[str]:
        """Nothing has come for `wait_s`."""
        return self._due()

    def finish(self) -> list[str]:
        """The reply is complete."""
        return [*self._taken(), *self._segmenter.finish()]

    def spoke(self, text: str) -> None:
        """This is being spoken."""
        begins_s = max(self._sounds_until_s or 0.0, self._clock())
        self._sounds_until_s = begins_s + len(text) / self._language.chars_per_s

    @property
    def wait_s(self) -> float | None:
        """None: nothing is due before the next token."""
        if self._sounds_until_s is None:
            return None
        now_s = self._clock()
        times_s = (self._pauses_s, *self._silent_too_long_s)
        left_s = (due_s - now_s for due_s in times_s if due_s > now_s + _CLOSE_S)
        return min((each for each in left_s if each < math.inf), default=None)

    @property
    def _pauses_s(self) -> float:
        """When a quick model has paused."""
        return self._last_s + PAUSE_S if self._rate.keeps_up else math.inf

    @property
    def _silent_too_long_s(self) -> tuple[float, float, float]:
        """When a phrase is to be spoken, when even a shorter one, and when even a word."""
        until_s = self._sounds_until_s or 0.0
        return until_s + SILENCE_S, until_s + LONGEST_SILENCE_S, until_s + ONE_WORD_S

    def _due(self) -> list[str]:
        now_s = self._clock() + _CLOSE_S
        phrase_s, shorter_s, word_s = self._silent_too_long_s
        if self._ready and (
            self._rate.keeps_up
            or now_s >= phrase_s
            or ends_sentence(self._ready[-1], self._language)
        ):
            return self._taken()
        found: list[str] = []
        if now_s >= word_s:
            found = self._segmenter.phrase(1, anywhere=True)
        elif now_s >= shorter_s:
            found = self._segmenter.phrase(LEAST_WORDS, anywhere=True)
        elif now_s >= phrase_s:
            found = self._segmenter.phrase(PHRASE_WORDS)
        elif now_s >= self._pauses_s:
            found = self._segmenter.phrase(LEAST_WORDS)
        return [*self._taken(), *found] if found else []

    def _taken(self) -> list[str]:
        ready, self._ready = self._ready, []
        return ready
