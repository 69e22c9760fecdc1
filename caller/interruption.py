"""An interruption, measured on the recording of the call; the agent's events explain it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from caller import measure
from caller.call_recording import SAMPLE_RATE_HZ, CallRecording
from caller.floor_log import FloorLog
from parley.audio import Samples, level_dbfs

MISSED_AFTER_S = 1.5
"""An agent that is still heard so long after the onset has not given way."""
PAUSE_S = 0.04
"""A reply that had ended so long before the decision, more than any error of the instrument, had
nothing to be silenced."""
CUT_S = 0.01
"""A reply that was cut in full voice is loud to the last."""
CUT_MARGIN_S = 0.06
"""Sound that begins later than this after the decision has reached the ear is stale."""
UNSTEADY_S = 0.03
"""More than replies differ by in the silence they begin with."""
LONGEST_DOWNLINK_S = 1.0
CLOCK_ERROR_S = 0.001
"""What a time loses between the clocks and the samples, and more."""
DUCK_DB = 6.0
REFERENCE_S = 1.0
"""The level before the onset is that of so much speech."""
RESIDUE_S = 1.0
RESIDUE_MARGIN_S = 0.02
"""After the last audible sample: the codec's own decay."""

Outcome = Literal["yielded", "held", "ended", "missed"]


@dataclass(frozen=True, kw_only=True)
class Interruption:
    """One onset of the caller's speech over a reply. None: did not happen, or cannot be told.

    `held`: the agent fell silent and had decided no more when the stretch ended; `ended`: the
    reply came to its own end before the agent gave way; `missed`: it was heard for more than
    MISSED_AFTER_S on.
    """

    at_s: float
    """The onset, in seconds of the recording."""
    outcome: Outcome
    into_reply_ms: float | None
    """First audible sample of the reply to the onset."""
    onset_to_duck_ms: float | None
    """To where the level fell by DUCK_DB below that of the speech before, for good; a pause in
    the agent's speech just before counts with it, so this is the earliest it can have been."""
    onset_to_duck_told_ms: float | None
    """To the decision to turn down, by the agent's event; what is heard of it comes one way
    through the transport later."""
    onset_to_decision_ms: float | None
    """To the decision that silenced the reply, when it was taken."""
    onset_to_silence_ms: float
    """To the last audible sample at the ear; 0 where the reply was in a pause."""
    decision_to_silence_at_ear_ms: float | None
    """To the last audible sample at the ear; of replies that were cut in full voice."""
    decision_to_silence_ms: float | None
    """The same where the audio leaves the agent: less the path of a sound's end, as it was
    measured by itself. None where it was not, or the transport was not steady."""
    downlink_ms: float | None
    """First sample handed to the track to the first heard, less the silence it began with."""
    steady: bool
    """Whether the downlink of the next reply was the same within UNSTEADY_S: where the jitter
    buffer has changed in between, nobody can tell when a sample left the agent."""
    talk_over_ms: float
    """For how long both were audible."""
    residual_dbfs: float
    """Level of the ear after the last audible sample, to the next reply or for a second."""
    stale_ms: float | None
    """Sound of the old reply after the cut had reached the ear: any burst of 5 ms counts."""
    heard: str | None
    """What of the reply the agent keeps as heard; None where it was not cut."""


@dataclass(frozen=True)
class _Reply:
    """The reply that is interrupted, in samples of the recording. `told` is when its first sample
    was handed to the track; `end` where the next one begins, or the stretch to be judged."""

    start: int
    end: int
    told: int | None
    later_downlink: int | None = None
    """From the next reply's first sample handed over to its first audible one; where there is."""

    def downlinks_s(self, leading_silence_s: float) -> tuple[float, float] | None:
        """Of this reply, and the longer one of this and the next."""
        if self.told is None:
            return None
        own = self.start - self.told
        longer = max(own, self.later_downlink or own)
        return own / SAMPLE_RATE_HZ - leading_silence_s, longer / SAMPLE_RATE_HZ - leading_silence_s

    @property
    def steady(self) -> bool:
        """Whether the transport took as long for the next reply."""
        if self.told is None or self.later_downlink is None:
            return True
        apart = self.start - self.told - self.later_downlink
        return abs(apart) <= UNSTEADY_S * SAMPLE_RATE_HZ


def measure_interruption(
    recording: CallRecording,
    floor: FloorLog,
    *,
    onset: int,
    until: int,
    leading_silence_s: float = 0.0,
    stop_path_s: float | None = None,
) -> Interruption | None:
    """What became of the reply over which the caller's speech begins at sample `onset`.

    `until` is the sample up to which it is judged; `leading_silence_s` the silence with which the
    reply's audio begins; `stop_path_s` how long after the end of a sound at the agent's track the
    ear hears its last audible sample, as a loopback found it (None: nobody measured it). None: no
    reply was being said.
    """
    rate, heard = SAMPLE_RATE_HZ, recording.heard
    reply = _reply_at(recording, floor, onset, until)
    if reply is None:
        return None
    onset_unix_s = _unix_s(recording, onset)
    end_unix_s = _unix_s(recording, reply.end) - CLOCK_ERROR_S
    silenced_s = floor.silenced(onset_unix_s, end_unix_s)
    ducked_s = floor.ducked(onset_unix_s, end_unix_s)
    cut = floor.cut(onset_unix_s, end_unix_s)
    downlink_s, longer_s = reply.downlinks_s(leading_silence_s) or (None, None)
    gone = None
    if cut is not None and cut.event.decided_at_s is not None and longer_s is not None:
        gone = recording.sample_at_unix(cut.event.decided_at_s + longer_s + CUT_MARGIN_S)
    last, stale = _sounded(heard, reply, gone)
    at_ear_s = at_agent_s = None
    if silenced_s is not None and _cut_in_full_voice(heard, last):
        at_ear_s = (last - recording.sample_at_unix(silenced_s)) / rate
        if stop_path_s is not None and reply.steady and at_ear_s - stop_path_s > -PAUSE_S:
            at_agent_s = at_ear_s - stop_path_s
    return Interruption(
        at_s=round(onset / rate, 3),
        outcome=_outcome(
            last - onset,
            yielded=cut is not None or floor.yielded(onset_unix_s, end_unix_s),
            held=silenced_s is not None,
        ),
        into_reply_ms=_ms((onset - reply.start) / rate),
        onset_to_duck_ms=_ms(_duck_s(heard, onset, last)),
        onset_to_duck_told_ms=_ms(ducked_s - onset_unix_s) if ducked_s is not None else None,
        onset_to_decision_ms=_ms(silenced_s - onset_unix_s) if silenced_s is not None else None,
        onset_to_silence_ms=round(1000 * max(last - onset, 0) / rate, 1),
        decision_to_silence_at_ear_ms=_ms(at_ear_s),
        decision_to_silence_ms=_ms(at_agent_s),
        downlink_ms=_ms(downlink_s),
        steady=reply.steady,
        talk_over_ms=_talk_over_ms(recording, onset, last),
        residual_dbfs=_residual_dbfs(heard, last, reply.end),
        stale_ms=None if gone is None else round(1000 * stale / rate, 1),
        heard=cut.event.heard if cut is not None else None,
    )


def _reply_at(recording: CallRecording, floor: FloorLog, onset: int, until: int) -> _Reply | None:
    """By the agent's events where it tells them, else by the sound alone: what is apart by more
    than measure.SAME_REPLY_GAP_S is then another reply."""
    heard = recording.heard
    told = [recording.sample_at_unix(at_s) for at_s in floor.replies()]
    if told:
        before = [sample for sample in told if sample <= onset]
        after = [sample for sample in told if sample > onset]
        end = min([until, *after])
        if not before:
            return None
        begun = measure.sounds(heard[before[-1] : end], SAMPLE_RATE_HZ, measure.AUDIBLE_DBFS)
        if not begun:
            return None
        return _Reply(
            before[-1] + begun[0].start, end, before[-1], _downlink(heard, after) if after else None
        )
    sounds = measure.sounds(heard[:until], SAMPLE_RATE_HZ, measure.AUDIBLE_DBFS)
    for place, sound in enumerate(sounds):
        if sound.start <= onset < sound.end:
            end = sounds[place + 1].start if place + 1 < len(sounds) else until
            return _Reply(sound.start, end, None)
    return None


def _downlink(heard: Samples, told: Sequence[int]) -> int | None:
    """Of the first of the replies that were handed over at these samples."""
    until = min([told[0] + round(LONGEST_DOWNLINK_S * SAMPLE_RATE_HZ), *told[1:]])
    sounds = measure.sounds(heard[told[0] : until], SAMPLE_RATE_HZ, measure.AUDIBLE_DBFS)
    return sounds[0].start if sounds else None


def _sounded(heard: Samples, reply: _Reply, gone: int | None) -> tuple[int, int]:
    """One past the last audible sample of the reply, and how many samples of it are stale: of
    sounds that begin after sample `gone`."""
    bursts = measure.bursts(
        heard[reply.start : reply.end],
        SAMPLE_RATE_HZ,
        measure.AUDIBLE_DBFS,
        gap_s=PAUSE_S / 2,
    )
    last, stale = reply.start, 0
    for burst in bursts:
        if gone is not None and reply.start + burst.start > gone:
            stale += burst.end - burst.start
        else:
            last = reply.start + burst.end
    return last, stale


def _cut_in_full_voice(heard: Samples, last: int) -> bool:
    """Whether the sound was cut where its last audible sample is. Where it faded by itself, that
    sample says nothing of when it was cut: only that it was no sooner."""
    reach, length = round(measure.BREAK_S * SAMPLE_RATE_HZ), round(CUT_S * SAMPLE_RATE_HZ)
    if level_dbfs(heard[max(last - length, 0) : last]) < measure.BREAK_FROM_DBFS:
        return False
    return measure.broke_off(heard[max(last - reach, 0) : last + reach], SAMPLE_RATE_HZ)


def _outcome(audible_samples: int, *, yielded: bool, held: bool) -> Outcome:
    if audible_samples > MISSED_AFTER_S * SAMPLE_RATE_HZ:
        return "missed"
    if yielded:
        return "yielded"
    return "held" if held else "ended"


def _duck_s(heard: Samples, onset: int, last: int) -> float | None:
    """Seconds from the onset to where the level fell by DUCK_DB, not to come back before `last`."""
    rate, window = SAMPLE_RATE_HZ, round(measure.WINDOW_S * SAMPLE_RATE_HZ)
    before = heard[max(onset - round(REFERENCE_S * rate), 0) : onset]
    levels = measure.window_levels_dbfs(before, rate)
    levels = levels[levels >= measure.AUDIBLE_DBFS]
    if not len(levels) or last <= onset:
        return None
    full = measure.window_levels_dbfs(heard[onset:last], rate) > np.median(levels) - DUCK_DB
    loud = np.flatnonzero(full)
    return float((loud[-1] + 1) * window / rate) if len(loud) else 0.0


def _talk_over_ms(recording: CallRecording, onset: int, last: int) -> float:
    levels = [
        measure.window_levels_dbfs(side[onset : max(last, onset)], SAMPLE_RATE_HZ)
        for side in (recording.spoken, recording.heard)
    ]
    both = (levels[0] >= measure.AUDIBLE_DBFS) & (levels[1] >= measure.AUDIBLE_DBFS)
    return round(1000 * measure.WINDOW_S * int(both.sum()), 1)


def _residual_dbfs(heard: Samples, last: int, end: int) -> float:
    """-120 stands for digital silence."""
    start = last + round(RESIDUE_MARGIN_S * SAMPLE_RATE_HZ)
    rest = heard[start : min(end, start + round(RESIDUE_S * SAMPLE_RATE_HZ))]
    return round(max(level_dbfs(rest), -120.0), 1)


def _unix_s(recording: CallRecording, sample: int) -> float:
    return recording.start_s + sample / SAMPLE_RATE_HZ + recording.unix_offset_s


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(1000 * seconds, 1)
