"""Several calls at once on recognition workers that are busy, not broken: every turn is answered.

The workers are the real service on real sockets; only their recognizers are made of time.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import numpy as np
import pytest

from parley.discovery import StaticDiscovery
from parley.speech import FlushMark, RecognitionPool, RecognitionRequest, TranscriptKind
from tests.workers.listening import listening
from tests.workers.speech_sounds import LIGHTS, pcm, silence, speech
from workers.engines.asr_engine import DecodeAbandonedError, DecodedText, DecodeRequest, Draft
from workers.recognition.voice_activity import VoiceDetector

pytestmark = [pytest.mark.servers, pytest.mark.realtime]

CALLS = 4
FRAME_SAMPLES = 1024
QUICKER = 4
"""Than spoken, so that the test is short; PARTIALs are asked for all the same."""
STEP_S = 0.02


@dataclass(frozen=True)
class Workers:
    """How long each takes for a decode, whatever is decoded with it."""

    takes_s: tuple[float, ...]
    turns: int = 2
    """That each caller has; the slowest workers are asked less, so that the test is short."""


WORKERS = {
    "three at 1.0 s": Workers((1.0, 1.0, 1.0)),
    "three at 1.8 s": Workers((1.8, 1.8, 1.8)),
    "three at 2.5 s": Workers((2.5, 2.5, 2.5)),
    "three at 4 s": Workers((4.0, 4.0, 4.0), turns=1),
    "one slow among fast": Workers((4.0, 0.05, 0.05)),
}


@dataclass
class BusyRecognizer:
    """Takes its time for every decode and gives up when nobody waits, as Whisper does."""

    takes_s: float
    device: str = "cpu"
    languages: tuple[str, ...] = ("en",)
    attempts: int = 1
    largest_batch: int = 4

    def decode(
        self, requests: Sequence[DecodeRequest], *, attempt: int, abandoned: Callable[[], bool]
    ) -> list[Draft]:
        until_s = time.monotonic() + self.takes_s
        while (left_s := until_s - time.monotonic()) > 0:
            if abandoned():
                raise DecodeAbandonedError
            time.sleep(min(STEP_S, left_s))
        return [Draft(DecodedText("something", 0.9), loops=False) for _ in requests]


@dataclass
class Caller:
    """Says a sentence, waits until it is answered, and says the next."""

    turns: int
    answered: list[tuple[int, str]] = field(default_factory=list)
    _final: asyncio.Event = field(default_factory=asyncio.Event)

    async def talk(self, pool: RecognitionPool) -> None:
        async for transcript in pool.recognize(RecognitionRequest(), self._speech()):
            if transcript.kind is TranscriptKind.FINAL:
                self.answered.append((transcript.flush_id, transcript.text))
                self._final.set()

    async def _speech(self) -> AsyncGenerator[bytes | FlushMark]:
        sentence = np.concatenate([silence(0.2), speech(LIGHTS), silence(0.4)])
        for turn in range(1, self.turns + 1):
            for start in range(0, len(sentence), FRAME_SAMPLES):
                yield pcm(sentence[start : start + FRAME_SAMPLES])
                await asyncio.sleep(FRAME_SAMPLES / 16000 / QUICKER)
            self._final.clear()
            yield FlushMark(turn)
            await self._final.wait()


async def callers_on(workers: Workers, detector: VoiceDetector) -> list[Caller]:
    """So many calls at once, each with a pool of its own."""
    callers = [Caller(workers.turns) for _ in range(CALLS)]
    async with AsyncExitStack() as stack:
        targets = []
        for seconds in workers.takes_s:
            worker = listening(BusyRecognizer(seconds), detector, slots=2 * CALLS)
            targets.append((await stack.enter_async_context(worker)).target)
        async with asyncio.TaskGroup() as calls:
            for caller in callers:
                pool = RecognitionPool(StaticDiscovery(",".join(targets)))
                calls.create_task(caller.talk(await stack.enter_async_context(pool)))
    return callers


async def test_every_turn_is_answered_however_slow_the_workers_are() -> None:
    detector = VoiceDetector()
    async with asyncio.timeout(120):
        found = await asyncio.gather(*(callers_on(each, detector) for each in WORKERS.values()))
    for name, callers in zip(WORKERS, found, strict=True):
        for caller in callers:
            expected = [(turn, "something") for turn in range(1, caller.turns + 1)]
            assert caller.answered == expected, name
