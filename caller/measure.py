"""What is measured on sound: pure functions over int16 samples, answering in sample indexes.

Levels are RMS over 10 ms windows in dB relative to full scale. An edge found in a window is then
placed on a sample: the outermost one that stands clear of the threshold.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from parley.audio import Samples

WINDOW_S = 0.01

SPEECH_BELOW_LOUD_DB = 18.0
"""Speech ends where it stays this far under its loud parts: recordings carry room noise, so the
end of the file, or of all sound, is not the end of speech."""

AUDIBLE_DBFS = -50.0
"""What a listener notices on a quiet line; a line with more noise needs ABOVE_NOISE_DB over it."""
ABOVE_NOISE_DB = 10.0

SHORTEST_SOUND_S = 0.03
"""A click of up to 10 ms is less, wherever the windows fall; a syllable is more."""

SHORTEST_BURST_S = 0.005
BURST_STEP_S = 0.001

SHORTEST_SPEECH_S = 0.12
WITHIN_SPEECH_S = 0.08
"""Pauses within a word."""

SAME_REPLY_GAP_S = 0.5
"""Pauses shorter than this lie within a reply."""


BREAK_FROM_DBFS, BREAK_TO_DBFS = -40.0, -80.0
BREAK_S = 0.04
"""Sound that falls so far in so short a time broke off: a track that ran dry or was cut, behind a
codec. A voice that pauses fades for longer. In 61 s of two voices heard through a room nothing does
so; of 24 pieces of silence that were cut into them, 23 do."""


@dataclass(frozen=True)
class Sound:
    """A stretch of audible sound: samples `start` to `end` (one past the last)."""

    start: int
    end: int


def window_levels_dbfs(samples: Samples, sample_rate_hz: int) -> npt.NDArray[np.float64]:
    """RMS of each whole 10 ms window, dBFS; digital silence is -inf."""
    window = int(sample_rate_hz * WINDOW_S)
    whole = len(samples) // window * window
    frames = samples[:whole].astype(np.float64).reshape(-1, window)
    power = np.mean(np.square(frames / 32768), axis=1)
    with np.errstate(divide="ignore"):
        return np.asarray(10 * np.log10(power))


def speech_end(samples: Samples, sample_rate_hz: int) -> int:
    """One past the last sample of speech in a recording: 18 dB under its loud parts.

    Loud is the 95th percentile of the windows within 40 dB of the loudest, so that neither a click
    nor a long silence decides it. A recording that is silent ends where its samples do.
    """
    levels = window_levels_dbfs(samples, sample_rate_hz)
    if not len(levels) or not np.isfinite(levels.max()):
        return len(samples)
    threshold_dbfs = _speech_threshold_dbfs(levels)
    last = int(np.flatnonzero(levels >= threshold_dbfs)[-1])
    return _edges(samples, sample_rate_hz, last, last, threshold_dbfs).end


def _speech_threshold_dbfs(levels: npt.NDArray[np.float64]) -> float:
    if not len(levels) or not np.isfinite(levels.max()):
        return 0.0
    loud = np.percentile(levels[levels >= levels.max() - 40], 95, method="lower")
    return float(loud) - SPEECH_BELOW_LOUD_DB


def audible_threshold_dbfs(noise: Samples, sample_rate_hz: int) -> float:
    """The level from which sound is audible over `noise`, a stretch that is mostly the line's own
    (its 10th percentile is taken, so that some speech in it does no harm)."""
    levels = window_levels_dbfs(noise, sample_rate_hz)
    if not len(levels):
        return AUDIBLE_DBFS
    floor = float(np.percentile(levels, 10, method="lower"))
    return max(AUDIBLE_DBFS, floor + ABOVE_NOISE_DB)


def speech_start(samples: Samples, sample_rate_hz: int) -> int:
    """The first sample of speech in a recording, judged as its end is (`speech_end`).

    A click or a breath before it is none: speech goes on for SHORTEST_SPEECH_S.
    """
    start = len(samples) - speech_end(samples[::-1], sample_rate_hz)
    threshold_dbfs = _speech_threshold_dbfs(window_levels_dbfs(samples, sample_rate_hz))
    for sound in sounds(samples, sample_rate_hz, threshold_dbfs, gap_s=WITHIN_SPEECH_S):
        if sound.end - sound.start >= SHORTEST_SPEECH_S * sample_rate_hz:
            return max(start, sound.start)
    return start


def sounds(
    samples: Samples,
    sample_rate_hz: int,
    threshold_dbfs: float,
    *,
    gap_s: float = SAME_REPLY_GAP_S,
) -> tuple[Sound, ...]:
    """The audible stretches, those apart by no more than `gap_s` joined.

    A stretch counts once 30 ms of it, of any 60 ms, are at the threshold or above.
    """
    audible = window_levels_dbfs(samples, sample_rate_hz) >= threshold_dbfs
    needed = round(SHORTEST_SOUND_S / WINDOW_S)
    span = 2 * needed
    padded = np.pad(audible, span - 1)
    dense = np.lib.stride_tricks.sliding_window_view(padded, span).sum(axis=1) >= needed
    solid = np.flatnonzero(audible & (dense[: len(audible)] | dense[span - 1 :]))
    if not len(solid):
        return ()
    breaks = np.flatnonzero(np.diff(solid) > gap_s / WINDOW_S)
    firsts, lasts = np.append(0, breaks + 1), np.append(breaks, len(solid) - 1)
    return tuple(
        _edges(samples, sample_rate_hz, int(solid[first]), int(solid[last]), threshold_dbfs)
        for first, last in zip(firsts, lasts, strict=True)
    )


def bursts(
    samples: Samples, sample_rate_hz: int, threshold_dbfs: float, *, gap_s: float
) -> tuple[Sound, ...]:
    """The stretches of SHORTEST_BURST_S and more at the threshold or above, those apart by no more
    than `gap_s` joined: what is left over after a cut is heard as clicks, not as syllables.

    Levels are RMS over SHORTEST_BURST_S, at every BURST_STEP_S.
    """
    width, step = round(SHORTEST_BURST_S * sample_rate_hz), round(BURST_STEP_S * sample_rate_hz)
    if len(samples) < width:
        return ()
    energy = np.concatenate([[0.0], np.cumsum(np.square(samples.astype(np.float64) / 32768))])
    starts = np.arange(0, len(samples) - width + 1, step)
    power = (energy[starts + width] - energy[starts]) / width
    loud = starts[power >= 10 ** (threshold_dbfs / 10)]
    if not len(loud):
        return ()
    breaks = np.flatnonzero(np.diff(loud) > width + gap_s * sample_rate_hz)
    firsts, lasts = np.append(0, breaks + 1), np.append(breaks, len(loud) - 1)
    clear = 32768 * 10 ** (threshold_dbfs / 20)
    found = []
    for first, last in zip(loud[firsts], loud[lasts], strict=True):
        end = int(last) + width
        at = np.flatnonzero(np.abs(samples[first:end].astype(np.int32)) >= clear)
        found.append(Sound(int(first) + int(at[0]), int(first) + int(at[-1]) + 1))
    return tuple(found)


def broke_off(samples: Samples, sample_rate_hz: int) -> bool:
    """Whether the sound breaks off in these samples, as no voice ends by itself."""
    levels = window_levels_dbfs(samples, sample_rate_hz)
    loud = np.flatnonzero(levels >= BREAK_FROM_DBFS)
    if not len(loud):
        return False
    within = round(BREAK_S / WINDOW_S)
    after = levels[loud[-1] + 1 : loud[-1] + 1 + within]
    return bool((after < BREAK_TO_DBFS).any())


def reply_among(heard: Sequence[Sound], speech_end_sample: int) -> Sound | None:
    """The reply to speech that ended at `speech_end_sample`: the first sound that starts after it,
    joined with all that follows; None when there is none.

    Sound that began earlier and went on past the end is the agent talking over the caller. It is
    the reply (with a negative response time) only if nothing follows it.
    """
    after = [sound for sound in heard if sound.end > speech_end_sample]
    if not after:
        return None
    begun = [sound for sound in after if sound.start >= speech_end_sample]
    first = begun[0] if begun else after[0]
    return Sound(first.start, after[-1].end)


def audible_s(samples: Samples, sample_rate_hz: int, threshold_dbfs: float) -> float:
    """How much of the sound is audible, in seconds of 10 ms windows."""
    levels = window_levels_dbfs(samples, sample_rate_hz)
    return float(np.count_nonzero(levels >= threshold_dbfs)) * WINDOW_S


def _edges(
    samples: Samples, sample_rate_hz: int, first: int, last: int, threshold_dbfs: float
) -> Sound:
    """Places the edges of windows `first` to `last` on samples.

    The window before may hold the very beginning, the one after the very end, too little of it to
    lift their level. A sample at twice the threshold's amplitude stands clear of noise below it.
    """
    window = int(sample_rate_hz * WINDOW_S)
    clear = 2 * 32768 * 10 ** (threshold_dbfs / 20)
    start, end = max(first - 1, 0) * window, min((last + 2) * window, len(samples))
    head = np.flatnonzero(np.abs(samples[start : (first + 1) * window].astype(np.int32)) >= clear)
    tail = np.flatnonzero(np.abs(samples[last * window : end].astype(np.int32)) >= clear)
    return Sound(
        start=start + int(head[0]) if head.size else first * window,
        end=last * window + int(tail[-1]) + 1 if tail.size else (last + 1) * window,
    )
