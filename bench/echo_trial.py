"""One call in which the agent's own voice comes back: the greeting, a reply, and a reply that a
person speaks over.

The agent's own playout, voice activity detection and barge-in, and a recognition worker, in real
time and outside a room; the loudspeaker, the air and the microphone are made here.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from livekit import rtc
from livekit.agents.types import USERDATA_TIMED_TRANSCRIPT, TimedString
from livekit.local_inference import VAD, VAD_WINDOW_SAMPLES

from agent.playout.output import Playout
from agent.playout.sounded import Sounded
from agent.turns.barge_in import BargeIn, Cut
from agent.turns.floor import Floor, FloorPolicy
from bench.echo_paths import RATE_HZ, EchoCell, EchoPath
from parley.audio import Audio, Samples
from parley.clock import monotonic
from parley.speech import FlushMark, RecognitionPool, RecognitionRequest, TranscriptKind

FRAME_S = 0.032
FRAME = round(FRAME_S * RATE_HZ)
AGENT_DBFS = -20.0
ROOM_DBFS = -65.0
PERSON_DBFS = -30.0
"""A quiet person; over a louder echo they are as loud as it, or louder."""
QUIET_S = 3.0
"""After each reply: words of an echo come late."""
INTO_REPLY_S = 1.5
AFTER_PERSON_S = 1.5
FLUSH_S = 0.55
"""Silence after which the framework asks for what was said."""
IN_TIME_S = 2.0


@dataclass(frozen=True)
class EchoLine:
    """What the agent says: its words, and how they sound, at any rate."""

    text: str
    audio: Audio


@dataclass(frozen=True)
class EchoTrial:
    cell: EchoCell
    person_over_db: int
    """How much louder than the echo the person is, at least."""
    self_turns: tuple[str, ...]
    """Texts that would have been answered though nobody spoke."""
    self_cuts: int
    greeting_cut: bool
    stops: int
    """How often the agent fell silent, for a moment or for good, while nobody spoke."""
    yielded_ms: float | None
    """From the person's first sample to the end of the reply; None: it went on."""
    person_texts: tuple[str, ...]

    @property
    def in_time(self) -> bool:
        return self.yielded_ms is not None and self.yielded_ms <= 1000 * IN_TIME_S


class _Loudspeaker:
    """The native end of the track."""

    def __init__(self, rate_hz: int) -> None:
        self._sounded = Sounded(rate_hz)
        self._rate_hz = rate_hz
        self._dry_s = 0.0
        self._air = np.zeros(2 * FRAME, np.int16)
        """Frames are taken unevenly, and sound does not break off for it."""

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        start_s = max(monotonic(), self._dry_s)
        self._dry_s = start_s + frame.samples_per_channel / self._rate_hz
        self._sounded.add(start_s, np.frombuffer(frame.data, np.int16))

    def clear_queue(self) -> None:
        self._dry_s = monotonic()
        self._sounded.take_back(self._dry_s)

    def sounds(self) -> Samples:
        """The next frame of it."""
        air = np.concatenate([self._air, self._sounded.take(monotonic())])
        self._air = air[FRAME:]
        return np.pad(air[:FRAME], (0, max(0, FRAME - len(air))))


@dataclass
class _Run:
    """A trial while it goes on."""

    playout: Playout
    barge_in: BargeIn
    done: asyncio.Event = field(default_factory=asyncio.Event)
    person: Samples = field(default_factory=lambda: np.empty(0, np.int16))
    """What is still to be spoken."""
    person_began_s: float | None = None
    cuts: list[float] = field(default_factory=list)
    stops: list[float] = field(default_factory=list)
    turns: list[tuple[float, str]] = field(default_factory=list)
    over: bool = False


async def hold_echo_trial(
    cell: EchoCell,
    lines: Sequence[EchoLine],
    person: Samples,
    pool: RecognitionPool,
    *,
    policy: FloorPolicy,
    preflight_silence_s: float,
    person_over_db: int,
) -> EchoTrial:
    """`lines`: the greeting and two replies; `person` speaks over the last, RATE_HZ. Raises
    SpeechError."""
    rate_hz = lines[0].audio.sample_rate_hz
    loudspeaker = _Loudspeaker(rate_hz)
    playout = Playout(loudspeaker, sample_rate_hz=rate_hz)
    run = _Run(playout, None)  # type: ignore[arg-type]

    def on_floor(floor: Floor) -> None:
        if floor in (Floor.HELD, Floor.YIELDED):
            run.stops.append(monotonic())

    def on_yield(cut: Cut) -> None:
        run.cuts.append(monotonic())
        playout.clear_buffer()

    def on_finished(_: object) -> None:
        run.barge_in.agent_stops()
        run.done.set()

    run.barge_in = BargeIn(playout, policy=policy, on_yield=on_yield, on_floor=on_floor)
    playout.on("playback_started", lambda _: run.barge_in.agent_speaks())
    playout.on("playback_finished", on_finished)
    playout.start()
    request = RecognitionRequest(
        sample_rate_hz=RATE_HZ,
        language="en",
        interim_results=True,
        preflight_silence_s=preflight_silence_s,
    )
    loud = _at(person, max(PERSON_DBFS, AGENT_DBFS + cell.level_db + person_over_db))
    speaking = asyncio.create_task(_conversation(run, lines, loud))
    try:
        microphone = _microphone(run, loudspeaker, EchoPath(cell))
        async for transcript in pool.recognize(request, microphone):
            is_turn = run.barge_in.push_transcript(
                transcript.text,
                confidence=transcript.confidence,
                final=transcript.kind is TranscriptKind.FINAL,
            )
            if is_turn and transcript.text and transcript.kind is not TranscriptKind.PARTIAL:
                run.turns.append((monotonic(), transcript.text))
        greeting_cut = await speaking
    finally:
        speaking.cancel()
        await asyncio.gather(speaking, return_exceptions=True)
        await playout.aclose()
    return _judged(run, cell, person_over_db, greeting_cut=greeting_cut)


def _judged(run: _Run, cell: EchoCell, person_over_db: int, *, greeting_cut: bool) -> EchoTrial:
    began_s = run.person_began_s
    assert began_s is not None
    yielded = [at_s for at_s in run.cuts if at_s >= began_s]
    return EchoTrial(
        cell=cell,
        person_over_db=person_over_db,
        self_turns=tuple(text for at_s, text in run.turns if at_s < began_s),
        self_cuts=sum(at_s < began_s for at_s in run.cuts),
        greeting_cut=greeting_cut,
        stops=sum(at_s < began_s for at_s in run.stops),
        yielded_ms=round(1000 * (yielded[0] - began_s), 1) if yielded else None,
        person_texts=tuple(text for at_s, text in run.turns if at_s >= began_s),
    )


async def _conversation(run: _Run, lines: Sequence[EchoLine], person: Samples) -> bool:
    """Whether the greeting was cut."""
    await asyncio.sleep(0.5)
    for line in lines[:-1]:
        await _say(run, line)
        if line is lines[0]:
            greeting_cut = bool(run.cuts)
        await asyncio.sleep(QUIET_S)
    saying = asyncio.create_task(_say(run, lines[-1]))
    try:
        await asyncio.sleep(INTO_REPLY_S)
        run.person_began_s = monotonic()
        run.person = person
        await asyncio.sleep(len(person) / RATE_HZ + AFTER_PERSON_S)
    finally:
        run.playout.clear_buffer()
        run.done.set()
        await asyncio.gather(saying, return_exceptions=True)
        run.over = True
    return greeting_cut


async def _say(run: _Run, line: EchoLine) -> None:
    """Until it has sounded, or was cut."""
    run.done.clear()
    run.barge_in.agent_thinks()
    samples, rate_hz = _at(line.audio.samples, AGENT_DBFS), line.audio.sample_rate_hz
    words = line.text.split()
    each_s = len(samples) / rate_hz / len(words)
    step = rate_hz // 10
    for start in range(0, len(samples), step):
        part = samples[start : start + step]
        frame = rtc.AudioFrame(part.tobytes(), rate_hz, 1, len(part))
        if start == 0:
            frame.userdata[USERDATA_TIMED_TRANSCRIPT] = [
                TimedString(f"{word} ", start_time=place * each_s, end_time=(place + 1) * each_s)
                for place, word in enumerate(words)
            ]
        await run.playout.capture_frame(frame)
        if run.done.is_set():
            break
    run.playout.flush()
    await run.done.wait()


async def _microphone(
    run: _Run, loudspeaker: _Loudspeaker, path: EchoPath
) -> AsyncIterator[bytes | FlushMark]:
    """Frame after frame in real time, to barge-in first and then to recognition; and when the
    framework's own voice activity detection hears an end of speech, a flush."""
    vad, random = VAD(), np.random.default_rng(1)
    silent_s, flushes, began_s, number = FLUSH_S, 0, monotonic(), 0
    while not run.over:
        number += 1
        await asyncio.sleep(max(0.0, began_s + number * FRAME_S - monotonic()))
        sound = path.comes_back(loudspeaker.sounds())
        spoken, run.person = run.person[:FRAME], run.person[FRAME:]
        sound[: len(spoken)] += spoken
        sound += random.normal(0, 32768 * 10 ** (ROOM_DBFS / 20), FRAME)
        samples = np.clip(sound, -32768, 32767).astype(np.int16)
        frame = rtc.AudioFrame(samples.tobytes(), RATE_HZ, 1, FRAME)
        heard = run.barge_in.push_audio(frame)
        run.barge_in.time_passes()
        yield bytes(heard.data)
        voiced = vad.predict(samples[:VAD_WINDOW_SAMPLES]) >= 0.5
        before_s, silent_s = silent_s, 0.0 if voiced else silent_s + FRAME_S
        if before_s < FLUSH_S <= silent_s:
            flushes += 1
            yield FlushMark(flushes)


def _at(samples: Samples, dbfs: float) -> Samples:
    """The samples at that level: RMS over their loud half."""
    count = len(samples) // FRAME
    powers = (samples[: count * FRAME].reshape(count, FRAME).astype(np.float64) ** 2).mean(axis=1)
    loud = np.sqrt(powers[powers >= np.median(powers)].mean())
    scaled = samples * (32768 * 10 ** (dbfs / 20) / loud)
    return np.asarray(np.clip(scaled, -32768, 32767), np.int16)
