"""A run of interruptions in real rooms, several callers at once, and what is kept of it."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random

import numpy as np

from bench.interrupting_call import (
    DOWNLINK_S,
    PER_CALL,
    InterruptedCall,
    Moment,
    Planned,
    hear_out,
    interrupt,
    plan,
    planned_at,
)
from bench.interrupting_clips import InterruptingClip, interrupting_clips
from bench.loopback import Loopback, loopback, speaker_token
from bench.synthetic_speech import synthesize
from caller import measure
from caller.call_recording import SAMPLE_RATE_HZ, CallRecording
from caller.errors import CallError
from caller.interruption import Interruption, measure_interruption
from parley.discovery import StaticDiscovery
from parley.speech import SpeechPool
from testkit.isolated_instance import OwnParley, running
from testkit.told_scripts import SCRIPTS, SHORT, ToldScripts

DEFAULT_CALLERS = 1
DEFAULT_SEED = 5
KEPT_FILE = "interruptions.json"
MARGIN_S = 0.3
"""Kept of the recording before a reply and after its silence."""
LEADS = 3
"""Syntheses of a script from which the silence it begins with is taken."""
FAILED_CALLS = 5
"""So many calls may break off before the run gives up."""
MADE_UP_SHARE = 0.5
"""Of the interruptions asked for, so many more may be made up for, and a call's worth at least;
then the run ends with what it has."""
LATEST_DOWNLINKS = 9
"""What is aimed by is the middle one of so many."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """An interruption of the run. `reply` is the stretch of the recording from MARGIN_S before
    the reply's first sound to MARGIN_S after the last; `measured.at_s` counts from its start."""

    call: int
    moment: Moment
    script: str
    clip: str
    aimed_after_ms: float
    measured: Interruption
    reply: CallRecording = field(repr=False)


@dataclass
class InterruptionsRun:
    """All that a run found out."""

    records: list[Record] = field(default_factory=list)
    too_late: int = 0
    """Nothing of the reply could be heard any more when the caller spoke, or nothing yet; they do
    not count."""
    not_made_up: int = 0
    """Of those, the ones for which no other was tried: too many had missed."""
    unanswered: int = 0
    failed_calls: list[str] = field(default_factory=list)
    starved_ms: float = 0.0
    leading_silence_ms: dict[str, float] = field(default_factory=dict)
    loopback: Loopback | None = None
    """The instrument measured with itself before the run."""
    asked: list[str] = field(default_factory=list)
    """What the model was shown as the agent's earlier words, in any request."""


async def interruptions(
    count: int, *, callers: int, clips: Path, seed: int, progress: Callable[[str], None]
) -> InterruptionsRun:
    """Interrupts `count` replies in rooms of a Parley of its own; raises ParleyError."""
    speakers, random, run = interrupting_clips(clips), Random(seed), InterruptionsRun()  # noqa: S311
    model = ToldScripts()
    progress("starting a Parley of its own")
    async with model.serving() as url, running(llm_url=url, max_sessions=callers + 1) as parley:
        progress("measuring the instrument: sounds through a room")
        run.loopback = await _loopback(parley)
        run.leading_silence_ms = await _leading_silences(parley)
        lengths_s = await _lengths(parley, model)

        async def call(
            number: int, planned: Sequence[Planned], downlink_s: float
        ) -> InterruptedCall:
            return await interrupt(parley.access(), model, number, planned, downlink_s=downlink_s)

        driver = Driver(call, run, count, progress, speakers, lengths_s, random)
        async with asyncio.TaskGroup() as group:
            for _ in range(callers):
                group.create_task(driver.drive())
    run.asked = sorted({text for _, messages in model.asked for text in _said(messages)})
    run.records = run.records[:count]
    return run


def write_kept(run: InterruptionsRun, folder: Path) -> None:
    """Every reply as a stereo FLAC (left the caller, right the ear) and its figures beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, record in enumerate(run.records, start=1):
        record.reply.write(folder / f"{number:03}.flac")
    rows = [
        {
            "file": f"{number:03}.flac",
            "call": record.call,
            "moment": record.moment,
            "script": record.script,
            "clip": record.clip,
            "measured": asdict(record.measured),
        }
        for number, record in enumerate(run.records, start=1)
    ]
    document = {"interruptions": rows, "asked": run.asked}
    (folder / KEPT_FILE).write_text(json.dumps(document, indent=1), encoding="utf-8")


MakeCall = Callable[[int, Sequence[Planned], float], Awaitable[InterruptedCall]]
"""Makes the call of that number with these interruptions, aimed by that downlink in seconds; raises
CallError."""


@dataclass
class Driver:
    """Makes call after call until enough interruptions are measured, or too many have missed.

    What misses its reply is made up for. That may take many tries where the aim is wrong: so each
    one teaches how long the replies are, and how long it takes until they are heard.
    """

    make_call: MakeCall
    run: InterruptionsRun
    count: int
    progress: Callable[[str], None]
    clips: Sequence[InterruptingClip]
    lengths_s: dict[str, float]
    random: Random
    calls: int = 0
    _planned: list[Planned] = field(init=False)
    _made_up: int = field(default=0, init=False)
    _downlinks_s: list[float] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self._planned = plan(self.count, self.clips, self.lengths_s, random=self.random)

    @property
    def downlink_s(self) -> float:
        """From the agent's word that it speaks to the first audible sample, as found so far."""
        return float(np.median(self._downlinks_s)) if self._downlinks_s else DOWNLINK_S

    async def drive(self) -> None:
        """One caller's calls, one after the other."""
        while planned := self._next():
            self.calls += 1
            try:
                call = await self.make_call(self.calls, planned, self.downlink_s)
            except CallError as error:
                self.run.failed_calls.append(str(error))
                self.progress(f"a call broke off: {error}")
                self._planned += planned
                continue
            await asyncio.to_thread(self._judge, call)
            missed = f", {self.run.too_late} missed their reply" if self.run.too_late else ""
            done = min(len(self.run.records), self.count)
            self.progress(f"{done} of {self.count} interruptions{missed}")

    def _next(self) -> list[Planned]:
        """What is still to be done, one call's worth: each caller makes up for its own."""
        if len(self.run.failed_calls) > FAILED_CALLS:
            return []
        taken, self._planned = self._planned[:PER_CALL], self._planned[PER_CALL:]
        return taken

    def _judge(self, call: InterruptedCall) -> None:
        onsets = [call.recording.sample_at(spoken.onset_s) for spoken in call.spoken]
        ends = [*onsets[1:], len(call.recording.heard)]
        for spoken, onset, until in zip(call.spoken, onsets, ends, strict=True):
            lead_s = self.run.leading_silence_ms.get(spoken.planned.script, 0.0) / 1000
            measured = measure_interruption(
                call.recording,
                call.floor,
                onset=onset,
                until=until,
                leading_silence_s=lead_s,
                stop_path_s=self.run.loopback.stop_path_s if self.run.loopback else None,
            )
            if measured is not None and measured.downlink_ms is not None:
                self._downlinks_s.append(measured.downlink_ms / 1000 + lead_s)
                del self._downlinks_s[:-LATEST_DOWNLINKS]
            late = measured is not None and measured.outcome == "ended"
            if measured is None or (late and measured.onset_to_silence_ms == 0):
                if measured is not None:
                    self._learn_length(call, spoken.planned.script, onset, measured)
                self._make_up(spoken.planned)
                continue
            self.run.records.append(_record(call, spoken.planned, onset, measured))
        self.run.unanswered += call.unanswered
        self.run.starved_ms += call.starved_ms

    def _learn_length(
        self, call: InterruptedCall, script: str, onset: int, measured: Interruption
    ) -> None:
        """A reply that had ended was shorter than was thought."""
        start = onset - round((measured.into_reply_ms or 0.0) * SAMPLE_RATE_HZ / 1000)
        heard = call.recording.heard[start:onset]
        sounds = measure.sounds(heard, SAMPLE_RATE_HZ, measure.AUDIBLE_DBFS)
        if sounds:
            length_s = (sounds[-1].end - sounds[0].start) / SAMPLE_RATE_HZ
            self.lengths_s[script] = min(length_s, self.lengths_s.get(script, length_s))

    def _make_up(self, missed: Planned) -> None:
        """Plans another at the same kind of moment, unless too many have missed."""
        self.run.too_late += 1
        if self._made_up >= max(PER_CALL, round(MADE_UP_SHARE * self.count)):
            self.run.not_made_up += 1
            return
        self._made_up += 1
        again = planned_at(missed.moment, self.clips, self.lengths_s, random=self.random)
        self._planned.append(again)


def _record(call: InterruptedCall, planned: Planned, onset: int, measured: Interruption) -> Record:
    margin = round(MARGIN_S * SAMPLE_RATE_HZ)
    into = round((measured.into_reply_ms or 0.0) * SAMPLE_RATE_HZ / 1000)
    silence = round(measured.onset_to_silence_ms * SAMPLE_RATE_HZ / 1000)
    start, end = max(onset - into - margin, 0), onset + silence + margin
    whole = call.recording
    reply = CallRecording(
        spoken=whole.spoken[start:end],
        heard=whole.heard[start:end],
        start_s=whole.start_s + start / SAMPLE_RATE_HZ,
        unix_offset_s=whole.unix_offset_s,
    )
    return Record(
        call=call.number,
        moment=planned.moment,
        script=planned.script,
        clip=planned.clip.name,
        aimed_after_ms=round(1000 * planned.after_s, 1),
        measured=measured,
        reply=reply,
    )


async def _loopback(parley: OwnParley) -> Loopback:
    access, (key, secret) = parley.access(), parley.keys
    return await loopback(access, speaker_token(access.room, key=key, secret=secret))


async def _leading_silences(parley: OwnParley) -> dict[str, float]:
    """Of each script, the silence before its first sound in ms: as the workers speak it, the
    median of some seeds."""
    voice = parley.stack.configuration.orchestrator.tts.default_model
    leads: dict[str, float] = {}
    async with SpeechPool(StaticDiscovery(parley.tts_address)) as pool:
        for script in SCRIPTS:
            clause = " ".join(script.split()[:3])
            found = []
            for seed in range(LEADS):
                audio = await synthesize(pool, clause, voice=voice, seed=seed + 1)
                rate = audio.sample_rate_hz
                sounds = measure.sounds(audio.samples, rate, measure.AUDIBLE_DBFS)
                found.append(1000 * sounds[0].start / rate if sounds else 0.0)
            leads[script] = round(float(np.median(found)), 1)
    return leads


async def _lengths(parley: OwnParley, model: ToldScripts) -> dict[str, float]:
    """How long the short scripts are heard in a room: their last moments are aimed at."""
    return await hear_out(parley.access(), model, SHORT)


def _said(messages: Sequence[dict[str, object]]) -> list[str]:
    return [str(message["content"]) for message in messages if message["role"] == "assistant"]


def to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
