"""Gaps inside replies, by the caller's ear: where sound broke off as no voice does, or was late."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from caller import measure
from caller.call_recording import SAMPLE_RATE_HZ, CallRecording
from caller.floor_log import FloorLog
from caller.measure import Sound
from parley.audio import Samples

SHORTEST_GAP_S = 0.04
LONG_SILENCE_S = 1.2
"""Voices pause for less between sentences: who hears more of it thinks that something broke."""
IN_TRANSIT_S = 0.3
"""Where a held reply goes on, what was said before may only now be heard to its end."""


def breaks(samples: Samples, sample_rate_hz: int) -> tuple[Sound, ...]:
    """The silences between audible sounds that begin as no voice does; at least 40 ms long."""
    window, found = int(sample_rate_hz * measure.WINDOW_S), []
    reach = round(measure.BREAK_S / measure.WINDOW_S)
    for before, after in _silences(samples, sample_rate_hz):
        around = samples[
            max(before + 1 - reach, 0) * window : min(before + 1 + reach, after) * window
        ]
        long_enough = (after - before - 1) * measure.WINDOW_S >= SHORTEST_GAP_S
        if long_enough and measure.broke_off(around, sample_rate_hz):
            found.append(_between(before, after, sample_rate_hz))
    return tuple(found)


def reply_gaps(recording: CallRecording, floor: FloorLog, *, start: int, end: int) -> list[Sound]:
    """The breaks between those samples while the agent says that it speaks at full level."""
    return [
        Sound(since + gap.start, since + gap.end)
        for since, until in _speaking(recording, floor, start, end)
        for gap in breaks(recording.heard[since:until], SAMPLE_RATE_HZ)
    ]


def long_silences(
    recording: CallRecording, floor: FloorLog, *, start: int, end: int
) -> list[Sound]:
    """Silences of LONG_SILENCE_S and more inside replies, however they begin: where the model or
    the voice was late."""
    return [
        Sound(since + gap.start, since + gap.end)
        for since, until in _speaking(recording, floor, start, end)
        for before, after in _silences(recording.heard[since:until], SAMPLE_RATE_HZ)
        if (gap := _between(before, after, SAMPLE_RATE_HZ)).end - gap.start
        >= LONG_SILENCE_S * SAMPLE_RATE_HZ
    ]


def _silences(samples: Samples, sample_rate_hz: int) -> Iterator[tuple[int, int]]:
    """The last audible window before each silence, and the first one after it."""
    levels = measure.window_levels_dbfs(samples, sample_rate_hz)
    audible = np.flatnonzero(levels >= measure.AUDIBLE_DBFS)
    for before, after in pairwise(audible):
        if after - before > 1:
            yield int(before), int(after)


def _between(before: int, after: int, sample_rate_hz: int) -> Sound:
    window = int(sample_rate_hz * measure.WINDOW_S)
    return Sound((before + 1) * window, after * window)


def _speaking(
    recording: CallRecording, floor: FloorLog, start: int, end: int
) -> Iterator[tuple[int, int]]:
    """Stretches of the recording in which the agent speaks, and is neither ducked nor held."""
    for place, event in enumerate(floor.floors):
        if event.floor != "speaking":
            continue
        before = floor.floors[place - 1].floor if place else "quiet"
        goes_on = before in ("ducked", "held")
        later = floor.floors[place + 1 :]
        begun_s = event.at_s + (IN_TRANSIT_S if goes_on else 0.0)
        since = max(recording.sample_at_unix(begun_s), start)
        until = min(recording.sample_at_unix(later[0].at_s), end) if later else end
        if since < until:
            yield since, until
