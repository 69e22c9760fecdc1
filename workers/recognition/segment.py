"""A speech segment: the sound that is decoded as one, from the onset of a voice to a pause."""

from itertools import groupby
from typing import NamedTuple

import numpy as np

from workers.engines.asr_engine import SAMPLE_RATE_HZ, DecodedText, FloatSamples
from workers.recognition.guards import LEAST_VOICE, VOICE_WINDOWS, voice_certainty
from workers.recognition.voice_activity import WINDOW_SAMPLES

VOICED = 0.5
"""Probability from which a window of sound counts as speech."""

_MARGIN_SAMPLES = round(0.3 * SAMPLE_RATE_HZ)
"""Sound kept around the voice: the detector is up to 110 ms late, and soft consonants escape it."""

_LONGEST_PRE_ROLL_SAMPLES = SAMPLE_RATE_HZ
_TAIL_SAMPLES = round(0.1 * SAMPLE_RATE_HZ)
"""The soft end of a word, after the last window that counts as speech."""


class Extent(NamedTuple):
    """Where the voice ends in a sound, and where the sound does."""

    voiced_until: int
    end: int


class SpeechSegment:
    """Positions count samples from the start of the call; `start` is that of the first sample.

    Before the voice only a short pre-roll is kept, after it everything.
    """

    def __init__(self, start: int) -> None:
        self.start = start
        self.decoded: DecodedText | None = None
        self.decoded_extent = Extent(0, 0)
        """Of the sound that `decoded` was made from."""
        self.tried_samples = 0
        """Voiced samples that were there when it was last decoded."""
        self.voiced_from: int | None = None
        self.voiced_until = start
        self.voiced_samples = 0
        self._chunks: list[FloatSamples] = []
        self._length = 0
        self._windows: list[tuple[int, float]] = []
        """Position and probability, from the first voiced one on."""
        self._surest: list[float] = []
        """The highest probabilities among them: all that `voice` depends on."""

    @property
    def end(self) -> int:
        return self.start + self._length

    @property
    def voice(self) -> float:
        """How sure it is that somebody speaks in it, 0 to 1."""
        return voice_certainty(np.array(self._surest, np.float32))

    @property
    def is_voiced(self) -> bool:
        return self.voice >= LEAST_VOICE

    @property
    def is_decoded(self) -> bool:
        """Whether `decoded` covers all that was said, and a moment after it where there is one."""
        return self.decoded is not None and self.is_covered_by(self.decoded_extent)

    @property
    def extent(self) -> Extent:
        return Extent(self.voiced_until, self.end)

    @property
    def pause_samples(self) -> int:
        """Silence since the last voice; 0 while there was no voice yet."""
        return len(self._windows) and self._windows[-1][0] + WINDOW_SAMPLES - self.voiced_until

    @property
    def span_samples(self) -> int:
        """From the first voice to the last."""
        return 0 if self.voiced_from is None else self.voiced_until - self.voiced_from

    @property
    def sound_start(self) -> int:
        """The position of the first sample of `sound`."""
        return max(self.start, (self.voiced_from or 0) - _MARGIN_SAMPLES)

    @property
    def sound(self) -> FloatSamples:
        """The voice with a margin before and after it."""
        last = self.voiced_until + _MARGIN_SAMPLES
        return self._joined()[self.sound_start - self.start : last - self.start]

    @property
    def sound_voiced_until_s(self) -> float:
        """Where the last voice ends in `sound`."""
        return (self.voiced_until - self.sound_start) / SAMPLE_RATE_HZ

    def append(self, samples: FloatSamples) -> None:
        self._chunks.append(samples)
        self._length += len(samples)

    def add_window(self, position: int, probability: float) -> None:
        """The window of sound at `position` is speech with this probability."""
        if probability >= VOICED:
            if self.voiced_from is None:
                self.voiced_from = position
            self.voiced_until = position + WINDOW_SAMPLES
            self.voiced_samples += WINDOW_SAMPLES
        if self.voiced_from is not None:
            self._windows.append((position, probability))
            self._surest = sorted([*self._surest, probability])[-VOICE_WINDOWS:]
        elif position - self.start > _LONGEST_PRE_ROLL_SAMPLES:
            excess = position - _MARGIN_SAMPLES - self.start
            self._keep(self._joined()[excess:].copy())
            self.start += excess

    def is_covered_by(self, extent: Extent) -> bool:
        """Whether all that was said, and a moment after it, lies in this extent of its sound."""
        tail_end = min(self.voiced_until + WINDOW_SAMPLES, self.end)
        return extent.voiced_until == self.voiced_until and extent.end >= tail_end

    def pre_roll(self) -> "SpeechSegment":
        """The segment that goes on where this one ends; it begins with a copy of the silence."""
        quiet_from = min(self.end, self.voiced_until + _TAIL_SAMPLES)
        rest = SpeechSegment(max(self.start, quiet_from, self.end - _MARGIN_SAMPLES))
        rest.append(self._joined()[rest.start - self.start :].copy())
        return rest

    def split(self, position: int) -> "SpeechSegment":
        """Cuts off and gives what begins at `position`."""
        rest = SpeechSegment(position)
        sound = self._joined()
        rest._keep(sound[position - self.start :].copy())
        self._keep(sound[: position - self.start])
        windows, self._windows, self._surest = self._windows, [], []
        self.voiced_from, self.voiced_until, self.voiced_samples = None, self.start, 0
        for window in windows:
            (self if window[0] < position else rest).add_window(*window)
        return rest

    def longest_pause(self, earliest: int) -> int:
        """The middle of the longest pause that begins at `earliest` or later; the least voiced
        moment where there is no pause."""
        late = [window for window in self._windows if window[0] >= earliest]
        runs = [list(run) for voiced, run in groupby(late, _is_voiced) if not voiced]
        if runs:
            longest = max(runs, key=len)
            return longest[len(longest) // 2][0]
        return min(late, key=lambda window: window[1])[0]

    def release(self) -> None:
        """Gives the memory of a segment back that has ended and is decoded."""
        self._keep(np.empty(0, np.float32))
        self._windows, self._surest = [], []

    def _joined(self) -> FloatSamples:
        self._keep(np.concatenate([*self._chunks, np.empty(0, np.float32)]))
        return self._chunks[0]

    def _keep(self, sound: FloatSamples) -> None:
        self._chunks, self._length = [sound], len(sound)


def _is_voiced(window: tuple[int, float]) -> bool:
    return window[1] >= VOICED
