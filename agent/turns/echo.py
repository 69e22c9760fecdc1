"""Telling the agent's own voice, come back through loudspeakers, from the person's.

Browsers cancel echo; phones on speaker and other clients may not. What the microphone brings is
compared with what was played: first by waveform, which finds an echo and its delay within a
syllable; then, at that delay, by the level in each band, as Geigel's detector does by the level as
a whole (Duttweiler, "A Twelve-Channel Digital Echo Canceler", 1978). A voice that stands out of
what the room gives back in several bands is a person's.
"""

from collections import deque

import numpy as np

from agent.turns.echo_sound import (
    BANDS,
    LONGEST_DELAY_S,
    NEAR_DELAY,
    NOT_ALIKE,
    WINDOW_S,
    BandLevels,
    Floats,
    Likeness,
    Waveforms,
    full_scale,
)
from parley.audio import Samples

ALIKE = 0.28
"""Likeness that somebody else's speech hardly ever has; twice at one delay it is an echo."""
SURELY_ALIKE = 0.4
"""And that it never has."""
UNLIKE = 0.15
"""Likeness at the known delay under which a voice is not, or not only, an echo."""
UNLIKE_WINDOWS = 8
"""So many of them in a row, and what was taken for an echo is forgotten."""
UNSURE_WINDOWS = 3
"""The same while little has been learned."""
LEARNED_WINDOWS = 15
"""From so many windows on the bands are judged; before, the waveform."""
SAME_DELAY = 16
"""2 ms."""
RISE_DB, FALL_DB = 0.9, 0.1
"""Steps by which the return of a band is followed: to where nine tenths lie below it."""
HURRY = 3.0
"""Longer steps while little has been learned."""
CLEAN = 0.92
"""Likeness that leaves no room for a second voice."""
DECAY_DB = 4.0
"""Reverberation dies so much in a window (60 dB in 0.5 s)."""
MARGIN_DB = 6.0
NOISE_MARGIN_DB = 12.0
NOISE_RISE_DB = 0.1
OVER_BANDS = 4
"""So many bands above what comes back are a person."""
AUDIBLE = 1e-6
"""Power of full scale: -60 dB."""

_MEMORY = round((LONGEST_DELAY_S + 0.4) / WINDOW_S)


class EchoGuard:
    """Call `hears` once per window of the microphone, in time."""

    def __init__(self) -> None:
        self._waveforms = Waveforms()
        self._heard_bands, self._played_bands = BandLevels(), BandLevels()
        self._played: deque[Floats] = deque(maxlen=_MEMORY)
        self._silent_windows = _MEMORY
        self._noise = np.full(BANDS, np.inf, np.float32)
        self._tail = np.zeros(BANDS, np.float32)
        self._found = NOT_ALIKE
        self._suspected = NOT_ALIKE
        self._learned = 0
        self._unlike = 0
        self._return_db: Floats = np.zeros(BANDS)
        self.found_anew = False
        """Whether the last window showed that the agent's voice comes back, or comes back earlier
        or later than it did: what came just before it was an echo already."""

    @property
    def known(self) -> bool:
        """Whether the agent's voice has been found to come back."""
        return self._learned > 0

    def hears(self, window: Samples, *, played: Samples, may_be_speech: bool) -> bool:
        """Whether the window, 32 ms at 16 kHz, is the agent's own voice come back.

        `played` is what was played meanwhile. `may_be_speech`: what is surely none teaches
        nothing, and need not be searched for an echo.
        """
        self.found_anew = False
        audible = bool(played.any())
        self._silent_windows = 0 if audible else self._silent_windows + 1
        heard = full_scale(window)
        levels = self._heard_bands.push(heard)
        self._noise = np.minimum(self._noise * 10 ** (NOISE_RISE_DB / 10), levels)
        sent = full_scale(played)
        self._played.append(self._played_bands.push(sent))
        if self._silent_windows >= _MEMORY:
            return False
        self._waveforms.push(heard, sent)
        if not self.known:
            return may_be_speech and self._finds(levels)
        expected = self._expected()
        if float(expected.sum()) < AUDIBLE / 100:  # nothing is to come back yet, or any more
            return may_be_speech and self._has_moved()
        return self._judges(levels, expected, may_be_speech=may_be_speech)

    def _finds(self, levels: Floats) -> bool:
        likeness = self._waveforms.likeness()
        before, self._suspected = self._suspected, likeness
        again = before.share >= ALIKE and abs(before.delay - likeness.delay) <= SAME_DELAY
        if likeness.share < (ALIKE if again else SURELY_ALIKE):
            return likeness.share >= ALIKE  # the next window will tell
        self._suspected = NOT_ALIKE
        self._found = likeness
        self.found_anew = True
        self._tail = np.zeros(BANDS, np.float32)
        self._learn(levels, self._expected())
        return True

    def _judges(self, levels: Floats, expected: Floats, *, may_be_speech: bool) -> bool:
        returned = expected * 10 ** (self._return_db / 10)
        margin, noise_margin = 10 ** (MARGIN_DB / 10), 10 ** (NOISE_MARGIN_DB / 10)
        over = levels > margin * returned + noise_margin * self._noise
        stands_out = int(np.count_nonzero(over)) >= OVER_BANDS
        if not may_be_speech:
            return not stands_out
        likeness = self._waveforms.likeness(near=self._found.delay)
        usual = max(ALIKE, 0.7 * self._found.share)
        if likeness.share < usual and self._has_moved():
            return True
        if likeness.share < UNLIKE and self._is_loud(levels):
            self._unlike += 1
            unsure = self._learned < LEARNED_WINDOWS
            if self._unlike >= (UNSURE_WINDOWS if unsure else UNLIKE_WINDOWS):
                self._forget()
                return False
        else:
            self._unlike = 0
        if likeness.share >= usual:
            unsure = self._learned < LEARNED_WINDOWS
            self._follow(likeness)
            self._learn(levels, expected)
            if unsure:
                return True
        return not stands_out or likeness.share >= CLEAN

    def _expected(self) -> Floats:
        """What comes back now, by band, if the room gave back all of it."""
        back = len(self._played) - 1 - self._found.delay_windows
        near = [self._played[i] for i in (back - 1, back, back + 1) if 0 <= i < len(self._played)]
        self._tail = np.maximum.reduce([*near, self._tail * 10 ** (-DECAY_DB / 10)])
        return self._tail

    def _learn(self, levels: Floats, expected: Floats) -> None:
        returned_db = 10 * np.log10(levels / np.maximum(expected, AUDIBLE / 1e3))
        if not self._learned:
            self._return_db = returned_db
        steps = np.where(returned_db > self._return_db, RISE_DB, -FALL_DB)
        steps *= HURRY if self._learned < LEARNED_WINDOWS else 1.0
        told = expected > AUDIBLE / 1e2
        self._return_db = self._return_db + told * steps
        self._learned += 1

    def _has_moved(self) -> bool:
        """Whether the echo comes at another delay now: jitter buffers move it. What the bands have
        learned holds there, too."""
        anywhere = self._waveforms.likeness()
        if anywhere.share < SURELY_ALIKE or abs(anywhere.delay - self._found.delay) <= NEAR_DELAY:
            return False
        self._found = Likeness(self._found.share, anywhere.delay)
        self._tail = np.zeros(BANDS, np.float32)
        self._unlike = 0
        self.found_anew = True
        return True

    def _follow(self, likeness: Likeness) -> None:
        share = self._found.share + 0.05 * (likeness.share - self._found.share)
        self._found = Likeness(share, likeness.delay)

    def _forget(self) -> None:
        self._found, self._learned, self._unlike = NOT_ALIKE, 0, 0

    def _is_loud(self, levels: Floats) -> bool:
        return float(levels.sum()) > 4 * float(self._noise.sum())
