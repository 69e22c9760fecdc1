"""What a scripted call came to: every figure from its recording and the agent's own events."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from pydantic import BaseModel, ConfigDict

from caller import measure
from caller.call_recording import SAMPLE_RATE_HZ, CallRecording
from caller.floor_log import FloorLog
from caller.heard_words import WordErrors
from caller.interruption import Interruption, measure_interruption
from caller.script import Interrupt, Murmur, Say
from caller.scripted_call import SpokenStep

FALLEN_SILENT_S = 1.5
"""An agent that tells nothing of cuts has given way to a murmur when it is silent so long."""


class StepReport(BaseModel):
    """A step in which the caller spoke."""

    model_config = ConfigDict(frozen=True)

    step: int
    line: int
    kind: str
    clip: str
    at_s: float
    """Onset of the speech, in seconds of the recording."""
    response_ms: float | None = None
    """End of the speech to the first audible sample after it, behind the caller's jitter buffer;
    of `say` and `interrupt`."""
    response_at_arrival_ms: float | None = None
    """The same at the arrival of the packet."""
    interruption: dict[str, Any] | None = None
    """The figures of caller/interruption.py; None where no reply was being said."""
    false_yield: bool | None = None
    """Of a murmur over a reply: whether the agent gave way."""
    missed_yield: bool | None = None
    """Of an interruption of a reply: whether the agent talked on."""


class ScriptReport(BaseModel):
    """A scripted call; `error` is a sentence, or None."""

    model_config = ConfigDict(frozen=True)

    script: str
    steps: tuple[StepReport, ...] = ()
    false_yields: int = 0
    missed_yields: int = 0
    unanswered: int = 0
    user_transcript: str = ""
    agent_transcript: str = ""
    agent_asr: str | None = None
    """What recognition makes of all that was heard; None where none could be asked."""
    words: WordErrors | None = None
    recording: str | None = None
    error: str | None = None

    @property
    def kept(self) -> bool:
        broken = self.false_yields or self.missed_yields or self.unanswered or self.error
        return not broken


def report_steps(
    spoken: Sequence[SpokenStep], recording: CallRecording, floor: FloorLog
) -> tuple[StepReport, ...]:
    onsets = [recording.sample_at(each.onset_s) for each in spoken]
    ends = [*onsets[1:], len(recording.heard)]
    return tuple(
        _report(each, recording, floor, onset, until)
        for each, onset, until in zip(spoken, onsets, ends, strict=True)
    )


def _report(
    spoken: SpokenStep, recording: CallRecording, floor: FloorLog, onset: int, until: int
) -> StepReport:
    step = spoken.step
    found = measure_interruption(recording, floor, onset=onset, until=until)
    interrupts = isinstance(step.step, Interrupt)
    response_ms = at_arrival_ms = None
    if isinstance(step.step, Say | Interrupt):
        response_ms = _response_ms(recording, spoken, found, onset, until)
    if response_ms is not None:
        answer = recording.sample_at(spoken.end_s) + _samples(response_ms)
        if (held_ms := recording.buffered_ms(answer)) is not None:
            at_arrival_ms = round(response_ms - held_ms, 1)
    return StepReport(
        step=step.number,
        line=step.line,
        kind=step.kind,
        clip=step.clip_name or "",
        at_s=round(onset / SAMPLE_RATE_HZ, 3),
        response_ms=response_ms,
        response_at_arrival_ms=at_arrival_ms,
        interruption=asdict(found) if found is not None else None,
        false_yield=_gave_way(recording, found, floor, onset, until)
        if isinstance(step.step, Murmur) and found is not None
        else None,
        missed_yield=found.outcome == "missed" if interrupts and found is not None else None,
    )


def _response_ms(
    recording: CallRecording,
    spoken: SpokenStep,
    found: Interruption | None,
    onset: int,
    until: int,
) -> float | None:
    """None where nothing was heard; an old reply's end is no answer."""
    end = recording.sample_at(spoken.end_s)
    silent = onset if found is None else onset + _samples(found.onset_to_silence_ms)
    after = max(end, silent)
    heard = measure.sounds(recording.heard[after:until], SAMPLE_RATE_HZ, measure.AUDIBLE_DBFS)
    if not heard:
        return None
    return round(1000 * (after + heard[0].start - end) / SAMPLE_RATE_HZ, 1)


def _gave_way(
    recording: CallRecording, found: Interruption, floor: FloorLog, onset: int, until: int
) -> bool:
    if found.heard is not None:
        return True
    if floor.floors or found.outcome == "missed":
        return False
    silent = onset + _samples(found.onset_to_silence_ms)
    return until - silent > FALLEN_SILENT_S * SAMPLE_RATE_HZ


def _samples(ms: float) -> int:
    return round(ms * SAMPLE_RATE_HZ / 1000)
