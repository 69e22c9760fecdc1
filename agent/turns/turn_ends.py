"""Ends a person's turns: follows their pauses, and says when one has lasted long enough.

What the pause is judged by comes at its own times: recognition's text with how the turn sounds
(PREFLIGHT), v1-mini's judgement of its last second, and the silence, which only the clock tells.
Each is weighed in as it comes (`agent/turns/end_of_turn.py`). The floor stays barge-in's: this
only says that what was said so far is to be taken as a whole, and before it is sure of that, that
an answer may be begun on the guess.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

import numpy as np
from livekit.local_inference import EOT, EOT_MAX_SAMPLES

from agent.turns.end_of_turn import (
    EndOfTurnPolicy,
    OwnPauses,
    TurnPause,
    probability,
    probability_while_speaking,
    silence_needed_s,
)
from agent.turns.turn_words import TurnWordsHeard
from dialogue.text.languages.language import Language
from parley.audio import Samples
from parley.clock import Clock, monotonic

CHECK_S = 0.03
"""How often the silence is looked at while a turn is open."""
LAST_AFTER_S = 0.1
"""Silence up to which v1-mini is shown the turn: it tells more then than after the 0.2 s at which
the framework asks it (docs/turn-taking.md)."""
LAST_LATEST_S = 0.3
"""v1-mini is asked once the text is there, which on two cores would else come later by as long as
it takes; after so much silence, with what was heard after LAST_AFTER_S, at any rate."""
EVIDENCE_S = 0.35
"""So long a silence waits for v1-mini's judgement: before it no answer is ready to be heard."""
LIKELY_WHOLE = 0.5
"""An answer that is begun while the person speaks takes the place of reading ahead, which is never
for nothing: it has to be likelier right than wrong."""
TEXT_PATIENCE_S = 1.0
"""A pause waits for its text for so long; where none comes, nothing was said."""
GOES_ON_S = 0.1
"""So much voice after a text, and it is no longer all that was said."""
MURMUR_S = 0.5
"""What was said while the agent keeps the floor is taken as a whole after this at the latest: it
is judged there, and is no part of the next turn."""
PAUSE_S = 0.2
"""What is shorter is no pause within a turn."""


RATE_HZ = 16_000
_KEPT_SAMPLES = EOT_MAX_SAMPLES + RATE_HZ // 2


class SpeechState(Protocol):
    """The person's voice, as barge-in hears it."""

    @property
    def last_spoke_s(self) -> float:
        """When they were last heard, on the clock."""
        ...

    @property
    def agent_has_floor(self) -> bool:
        """Whether a reply is under way that has not been given up."""
        ...


class LastSecond(Protocol):
    """Judges the last second of a turn; blocks, for some 50 ms of CPU."""

    def predict(self, pcm: Samples) -> float: ...


class TurnEnds:
    """One call's. `follow` it, and `aclose` it at the end."""

    def __init__(
        self,
        policy: EndOfTurnPolicy,
        person: SpeechState,
        *,
        language: Callable[[], Language],
        asked: Callable[[], bool],
        on_end: Callable[[], None],
        guess_is_worth: Callable[[float], bool],
        detector: LastSecond | None = None,
        clock: Clock = monotonic,
    ) -> None:
        """`asked`: whether the agent's last words were a question; `on_end` is told that the turn
        is over; `guess_is_worth`: whether an answer may be begun that is wanted with this
        probability. `detector`: v1-mini, None: a new one of the framework's."""
        self._policy = policy
        self._person = person
        self._language = language
        self._asked = asked
        self._on_end = on_end
        self.guesses_before_pauses: Callable[[], bool] = lambda: True
        """Whether an answer may be begun while the person speaks. One that may call tools may not:
        each guess would call them anew."""
        self.on_guess: Callable[[], None] = lambda: None
        """Told that an answer to the last text of a pause may be begun, where that could not be
        said as it came."""
        self._guess_is_worth = guess_is_worth
        self._detector = detector or EOT()
        self._clock = clock
        self._own_pauses = OwnPauses()
        self._ended_s = self._spoke_s = person.last_spoke_s
        self._voiced_s = 0.0
        """Since the last text."""
        self._text: str | None = None
        """All that was said, as recognized; None: not known yet."""
        self._guessed = False
        """Whether an answer to it may have been begun."""
        self._sound: float | None = None
        self._last: float | None = None
        self._asking: asyncio.Task[None] | None = None
        self._heard: Samples = np.empty(0, np.int16)
        self._checking: asyncio.TimerHandle | None = None

    @property
    def silence_s(self) -> float:
        """Since the person was last heard."""
        return self._clock() - self._person.last_spoke_s

    @property
    def is_over(self) -> bool:
        """Whether nothing has been said since the turn was ended."""
        return self._person.last_spoke_s <= self._ended_s

    async def aclose(self) -> None:
        if self._checking is not None:
            self._checking.cancel()
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    def judge_by(self, policy: EndOfTurnPolicy) -> None:
        """Another agent speaks, who wants it otherwise."""
        self._policy = policy

    def push_audio(self, samples: Samples) -> None:
        """The next of the microphone, at 16 kHz, once barge-in has judged it."""
        self._heard = np.concatenate([self._heard, samples])[-_KEPT_SAMPLES:]
        if self._checking is None and not self.is_over:
            self._check()

    def push_preflight(self, text: str, sounds_finished: float | None) -> bool:
        """Recognition has all that was said before a pause. Whether an answer to it may be begun
        now; else `on_guess` is told once it may."""
        self._voiced_s = 0.0
        self._text, self._sound = text, sounds_finished
        self._guessed = self._may_guess(text)
        return self._guessed

    def push_partial(self, text: str) -> bool:
        """Recognition has this while the person speaks. Whether an answer to it may be begun."""
        if self._person.agent_has_floor or not self.guesses_before_pauses():
            return False
        likely = probability_while_speaking(self._words(text))
        return likely > LIKELY_WHOLE and self._guess_is_worth(likely)

    def _check(self) -> None:
        self._checking = None
        self._follow_voice()
        if self.is_over:
            return
        if self._last is None and self._asking is None and self._last_is_due:
            self._asking = asyncio.create_task(self._ask(), name="last-second")
        if self.silence_s >= self._needed_s():
            self._end()
            return
        if self._text is not None and not self._guessed and self._may_guess(self._text):
            self._guessed = True
            self.on_guess()
        self._checking = asyncio.get_running_loop().call_later(CHECK_S, self._check)

    @property
    def _last_is_due(self) -> bool:
        return self.silence_s >= (LAST_AFTER_S if self._text is not None else LAST_LATEST_S)

    def _follow_voice(self) -> None:
        spoke_s, before_s = self._person.last_spoke_s, self._spoke_s
        if spoke_s == before_s:
            return
        self._spoke_s = spoke_s
        pause_s = spoke_s - before_s
        is_pause = pause_s >= PAUSE_S
        if is_pause and before_s > self._ended_s and pause_s <= self._policy.longest_s:
            self._own_pauses.went_on_after(pause_s)
        self._voiced_s += CHECK_S if is_pause else pause_s
        if self._voiced_s >= GOES_ON_S:
            self._text = self._sound = None
        self._last = None
        if self._asking is not None:
            self._asking.cancel()  # the detector's run ends by itself
            self._asking = None

    def _needed_s(self) -> float:
        policy = self._policy
        if self._text is None:
            patience_s = MURMUR_S if self._person.agent_has_floor else TEXT_PATIENCE_S
            return min(max(patience_s, policy.shortest_s), policy.longest_s)
        needed_s = silence_needed_s(self._pause(self._text), policy, pace=self._own_pauses.pace)
        if self._person.agent_has_floor:
            return min(needed_s, max(MURMUR_S, policy.shortest_s))
        if self._last is None:
            return max(needed_s, min(EVIDENCE_S, policy.longest_s))
        return needed_s

    def _may_guess(self, text: str) -> bool:
        """The longer the silence, the likelier the turn is over: when it has been long enough, it
        is."""
        likely = probability(self._pause(text))
        waited = min(1.0, self.silence_s / max(self._needed_s(), CHECK_S))
        return self._guess_is_worth(likely + (1.0 - likely) * waited)

    def _pause(self, text: str) -> TurnPause:
        return TurnPause(words=self._words(text), sound=self._sound, last=self._last)

    def _words(self, text: str) -> TurnWordsHeard:
        return TurnWordsHeard.of(text, self._language().turns, asked=self._asked())

    async def _ask(self) -> None:
        later = round((self.silence_s - LAST_AFTER_S) * RATE_HZ)
        heard = self._heard[: len(self._heard) - max(0, later)][-EOT_MAX_SAMPLES:]
        self._last = await asyncio.to_thread(self._detector.predict, heard.copy())

    def _end(self) -> None:
        self._ended_s = self._clock()
        self._text = self._sound = self._last = None
        self._voiced_s = 0.0
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None
        self._on_end()
