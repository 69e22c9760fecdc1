"""A sound over the agent's speech on the sound's own clock: nothing waits, the machine's load is
no part of it.

A recognizer in this process hears the sound through the worker's own listener, and each text comes
as much later as its decode took of the CPU. What it made of a sound is kept in the cache folder.
"""

import asyncio
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from livekit import rtc

from agent.turns.barge_in import BargeIn
from agent.turns.floor import FloorPolicy
from bench.floor_sounds import RATE_HZ, FloorSound
from bench.floor_trial import (
    BEFORE_S,
    FLUSH_S,
    FRAME_S,
    FloorTrial,
    TrialRun,
    frames,
    over_the_agent,
)
from parley import models, paths
from parley.audio import Samples
from parley.rpc.v1 import recognition_pb2 as pb
from workers.engines import create_asr_engine
from workers.engines.asr_engine import DecodeRequest, Draft, Recognizer
from workers.recognition.decoder import Decoder
from workers.recognition.listener import Listener, ListenerOptions
from workers.recognition.voice_activity import VoiceActivity, VoiceDetector

MODELS = {"moonshine": "moonshine-base-en", "whisper": "whisper-base"}
TRANSPORT_S = 0.02
"""From the microphone to the worker and back: a message is 64 ms."""
_POLL_S = 0.001
_VERSION = 1


@dataclass(frozen=True)
class OfflineText:
    """What recognition made of a sound, `at_s` after its line began."""

    at_s: float
    text: str
    confidence: float


class OfflineFloor:
    """Hears sounds with one recognizer and judges them; loads it at the first that is not known."""

    def __init__(self, adapter: str, *, preflight_silence_s: float) -> None:
        self._adapter = adapter
        self._preflight_silence_s = preflight_silence_s
        self._cache = paths.cache_dir() / "bench-floor"
        self._recognizer: _TimedRecognizer | None = None

    async def trial(self, sound: FloorSound, person: Samples, policy: FloorPolicy) -> FloorTrial:
        """As `floor_trial.hold_trial`, but for the clock."""
        return judged(sound, person, await self.hear(sound), policy)

    async def hear(self, sound: FloorSound) -> list[OfflineText]:
        line = over_the_agent(sound)
        asked = f"{self._adapter} {self._preflight_silence_s} {_VERSION}".encode()
        file = self._cache / f"{hashlib.sha256(line.tobytes() + asked).hexdigest()[:32]}.json"
        if not file.is_file():
            heard = await self._hear(sound, line)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps([asdict(each) for each in heard]), encoding="utf-8")
        return [OfflineText(**row) for row in json.loads(file.read_text(encoding="utf-8"))]

    async def _hear(self, sound: FloorSound, line: Samples) -> list[OfflineText]:
        if self._recognizer is None:
            self._recognizer = _TimedRecognizer(_load(self._adapter))
            self._detector = VoiceDetector()
        recognizer, heard, now_s = self._recognizer, list[OfflineText](), 0.0

        async def send(transcript: pb.Transcript) -> None:
            after_s = TRANSPORT_S + recognizer.last_s
            heard.append(OfflineText(now_s + after_s, transcript.text, transcript.confidence))

        options = ListenerOptions(language="en", preflight_silence_s=self._preflight_silence_s)
        async with Decoder(recognizer) as decoder:
            listener = Listener(decoder, VoiceActivity(self._detector), options, send)
            listening = asyncio.create_task(listener.run())
            flush_at = round((BEFORE_S + len(sound.samples) / RATE_HZ + FLUSH_S) / FRAME_S)
            for number, frame in enumerate(frames(line), start=1):
                now_s = number * FRAME_S
                await listener.push_audio(frame.astype(np.float32) / np.float32(32768))
                if number == flush_at:
                    await listener.flush(1)
                await _idle(decoder)
            await listener.end()
            await listening
        return heard


def judged(
    sound: FloorSound, person: Samples, heard: Sequence[OfflineText], policy: FloorPolicy
) -> FloorTrial:
    """What the agent's turn-taking makes of the sound and of these words."""
    run = TrialRun(sound)
    barge_in = run.begin(person, policy)
    waiting = sorted(heard, key=lambda each: each.at_s)
    for frame in frames(over_the_agent(sound)):
        run.clock.skipped_s += FRAME_S
        while waiting and waiting[0].at_s <= run.clock() - run.began_s:
            _tell(barge_in, run, waiting.pop(0))
        barge_in.push_audio(rtc.AudioFrame(frame.tobytes(), RATE_HZ, 1, len(frame)))
        if run.cut is not None:
            break
    return run.result(barge_in)


def _tell(barge_in: BargeIn, run: TrialRun, heard: OfflineText) -> None:
    run.texts.append(f"{heard.text} ({heard.confidence:.2f})")
    barge_in.push_transcript(heard.text, confidence=heard.confidence)


class _TimedRecognizer:
    """Another one, and how much of the CPU its last decode took."""

    def __init__(self, recognizer: Recognizer) -> None:
        self._recognizer = recognizer
        self.last_s = 0.0
        self.device = recognizer.device
        self.languages = recognizer.languages
        self.attempts = recognizer.attempts
        self.largest_batch = recognizer.largest_batch

    def decode(
        self, requests: Sequence[DecodeRequest], *, attempt: int, abandoned: Callable[[], bool]
    ) -> Sequence[Draft]:
        began_s = time.process_time()
        drafts = self._recognizer.decode(requests, attempt=attempt, abandoned=abandoned)
        taken_s = time.process_time() - began_s
        self.last_s = taken_s if attempt == 0 else self.last_s + taken_s
        return drafts


async def _idle(decoder: Decoder) -> None:
    """Returns once nothing is decoded any more."""
    quiet = 0
    while quiet < 2:
        await asyncio.sleep(_POLL_S if decoder.pending else 0)
        quiet = 0 if decoder.pending else quiet + 1


def _load(adapter: str) -> Recognizer:
    engine = create_asr_engine(adapter, device="cpu", threads=1)
    return engine.load(MODELS[adapter], models.ensure(MODELS[adapter]))
