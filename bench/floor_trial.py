"""One sound over the agent's speech, and what the agent's turn-taking makes of it.

The microphone's frames go to `agent.turns.barge_in` as in a call, and to a recognition worker
whose words go to it, too; what it would do to the agent's voice is only noted. In real time,
because recognition takes its time.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import numpy as np
from livekit import rtc

from agent.turns.barge_in import BargeIn, Cut
from agent.turns.floor import Floor, FloorPolicy
from bench.floor_sounds import RATE_HZ, FloorSound
from parley.audio import Samples
from parley.clock import Clock, monotonic
from parley.speech import FlushMark, RecognitionPool, RecognitionRequest, TranscriptKind

FRAME_S = 0.02
BEFORE_S = 0.4
"""The agent speaks so long before the sound."""
AFTER_S = 2.4
"""And is listened to for so long after it: words come later than sounds."""
FLUSH_S = 0.55
"""After the sound, as the framework's end of turn asks for a final text."""
ROOM_DBFS = -65.0
"""Every microphone has some noise."""
SAID = "Deserts grow cold at night, for dry air and bare stone give their warmth back to the sky."


@dataclass(frozen=True)
class FloorTrial:
    """What came of a sound. Times in ms from its first sample, None where it did not happen."""

    sound: FloorSound
    yielded: bool
    stuck: bool
    """At the end the agent is still ducked or held: a person would call it dead."""
    duck_ms: float | None
    hold_ms: float | None
    yield_ms: float | None
    returned_ms: float | None
    texts: tuple[str, ...]
    """What recognition made of it, as it came."""

    @property
    def right(self) -> bool:
        return self.yielded == self.sound.wants_floor and not self.stuck


@dataclass
class TrialClock:
    """A clock's time, and what was skipped."""

    clock: Clock = field(default=lambda: 0.0)
    skipped_s: float = 0.0

    def __call__(self) -> float:
        return self.clock() + self.skipped_s


@dataclass
class _Voice:
    """The agent's voice: it sounds all the while, unless it is held or has been cut."""

    held: bool = False
    cut: bool = False

    heard_text: str = SAID
    said_lately: str = SAID

    def take_sounded(self) -> Samples:
        """Nothing of it comes back, so that there is nothing to compare."""
        return np.empty(0, np.int16)

    def duck(self) -> None: ...

    def unduck(self) -> None: ...

    def hold(self, by: str) -> None:
        self.held = True

    def release(self, by: str) -> None:
        self.held = False


@dataclass
class TrialRun:
    """A trial while it goes on."""

    sound: FloorSound
    clock: TrialClock = field(default_factory=TrialClock)
    began_s: float = 0.0
    floors: list[tuple[float, Floor]] = field(default_factory=list)
    cut: Cut | None = None
    voice: _Voice = field(default_factory=_Voice)
    texts: list[str] = field(default_factory=list)

    def begin(self, person: Samples, policy: FloorPolicy) -> BargeIn:
        """The agent has heard how loud the person is, and speaks."""
        barge_in = BargeIn(
            self.voice,
            policy=policy,
            on_yield=self.on_yield,
            on_floor=self.on_floor,
            clock=self.clock,
        )
        for frame in frames(person):  # nobody waits for what is only listened to
            barge_in.push_audio(_rtc(frame))
            self.clock.skipped_s += FRAME_S
        self.clock.skipped_s += 2.0
        barge_in.agent_thinks()
        barge_in.agent_speaks()
        self.began_s = self.clock()
        return barge_in

    def result(self, barge_in: BargeIn) -> FloorTrial:
        return FloorTrial(
            sound=self.sound,
            yielded=self.cut is not None,
            stuck=barge_in.turns.contested,
            duck_ms=self.first_ms(Floor.DUCKED, Floor.HELD),
            hold_ms=self.first_ms(Floor.HELD),
            yield_ms=self.first_ms(Floor.YIELDED),
            returned_ms=self.returned_ms(),
            texts=tuple(self.texts),
        )

    def on_floor(self, floor: Floor) -> None:
        self.floors.append((self.clock(), floor))

    def on_yield(self, cut: Cut) -> None:
        self.cut = self.cut or cut
        self.voice.cut = True

    def first_ms(self, *names: Floor) -> float | None:
        sample_s = self.began_s + BEFORE_S
        times = [at_s for at_s, floor in self.floors if floor in names and at_s > self.began_s]
        return round(1000 * (times[0] - sample_s), 1) if times else None

    def returned_ms(self) -> float | None:
        sample_s = self.began_s + BEFORE_S
        contested = False
        for at_s, floor in self.floors:
            if floor is Floor.SPEAKING and contested:
                return round(1000 * (at_s - sample_s), 1)
            contested = floor in (Floor.DUCKED, Floor.HELD)
        return None


async def hold_trial(
    sound: FloorSound,
    person: Samples,
    pool: RecognitionPool,
    *,
    policy: FloorPolicy,
    preflight_silence_s: float,
) -> FloorTrial:
    """Plays the sound over the agent. `person`, RATE_HZ, is what the person said before: it tells
    how loud they are. Raises SpeechError when nobody recognizes."""
    run = TrialRun(sound, TrialClock(monotonic))
    barge_in = run.begin(person, policy)
    request = RecognitionRequest(
        sample_rate_hz=RATE_HZ,
        language="en",
        interim_results=True,
        preflight_silence_s=preflight_silence_s,
    )
    async for transcript in pool.recognize(request, _microphone(sound, run, barge_in)):
        run.texts.append(f"{transcript.kind.name.lower()}: {transcript.text}")
        barge_in.push_transcript(
            transcript.text,
            confidence=transcript.confidence,
            final=transcript.kind is TranscriptKind.FINAL,
        )
    return run.result(barge_in)


async def _microphone(
    sound: FloorSound, run: TrialRun, barge_in: BargeIn
) -> AsyncIterator[bytes | FlushMark]:
    """Frame after frame in real time, to barge-in first and then to recognition."""
    line = over_the_agent(sound)
    flush_at_s = BEFORE_S + len(sound.samples) / RATE_HZ + FLUSH_S
    for number, frame in enumerate(frames(line), start=1):
        due_s = run.began_s + number * FRAME_S
        await asyncio.sleep(max(0.0, due_s - run.clock()))
        barge_in.push_audio(_rtc(frame))
        yield frame.tobytes()
        if run.cut is not None:
            return
        if number - 1 == round(flush_at_s / FRAME_S):
            yield FlushMark(1)


def over_the_agent(sound: FloorSound) -> Samples:
    """What the microphone brings: the sound with silence around it, in a room."""
    before, after = (np.zeros(round(s * RATE_HZ), np.int16) for s in (BEFORE_S, AFTER_S))
    line = np.concatenate([before, sound.samples, after])
    noise = np.random.default_rng(1).normal(0, 32768 * 10 ** (ROOM_DBFS / 20), len(line))
    return np.clip(line + noise, -32768, 32767).astype(np.int16)


def frames(samples: Samples) -> list[Samples]:
    size = round(FRAME_S * RATE_HZ)
    return [samples[start : start + size] for start in range(0, len(samples) - size + 1, size)]


def _rtc(frame: Samples) -> rtc.AudioFrame:
    return rtc.AudioFrame(frame.tobytes(), RATE_HZ, 1, len(frame))
