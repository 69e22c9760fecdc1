"""Streams that speak through a pool of workers, and what they had to wait for."""

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from parley.background import background
from parley.discovery import StaticDiscovery
from parley.errors import WorkersBusyError
from parley.speech import AudioChunk, SpeechPool, SynthesisRequest, SynthesisStarted
from testkit.worker_process import WorkerProcess

SENTENCES = (
    "The weather in the mountains was clear this morning.",
    "We saw the whole valley from the old stone bridge.",
    "Please call me back when you get home tonight.",
    "There are three trains to the city before noon.",
    "I would like a table for two by the window.",
    "The library opens at nine and closes at six.",
    "Nobody knew who had left the door open all night.",
    "Take the second street on the left after the church.",
)
NEXT_TEXT_S = 0.5
"""From one text of a long reply to the next, as a language model writes them."""


@dataclass(frozen=True)
class AdmittedUtterance:
    """An utterance that was admitted; times in ms."""

    worker: str
    admitted_ms: float
    first_audio_ms: float
    """Since it was asked for."""

    @property
    def since_admission_ms(self) -> float:
        return self.first_audio_ms - self.admitted_ms


@dataclass
class Outcome:
    """What so many streams saw in a while."""

    streams: int
    spoken: list[AdmittedUtterance] = field(default_factory=list)
    refused_ms: list[float] = field(default_factory=list)
    """How long each refusal took to come."""

    @property
    def share(self) -> dict[str, float]:
        """Of each worker in the utterances."""
        counts = Counter(spoken.worker for spoken in self.spoken)
        return {worker: counts[worker] / len(self.spoken) for worker in sorted(counts)}

    def __iadd__(self, other: "Outcome") -> "Outcome":
        self.spoken += other.spoken
        self.refused_ms += other.refused_ms
        return self


@dataclass(frozen=True, kw_only=True)
class StreamLoad:
    """How each of the streams behaves: utterance after utterance, with pauses between."""

    streams: int
    texts: int = 1
    """Of an utterance; they come half a second apart."""
    pause_s: float = 0.0
    """Mean; exponentially distributed."""


class Speakers:
    """Makes load on the pool of these workers; use `open` it in the event loop that speaks."""

    def __init__(self, pool: SpeechPool, voice: str, names: dict[str, str], seed: int) -> None:
        self._pool = pool
        self._voice = voice
        self._names = names
        self._random = random.Random(seed)  # noqa: S311 - the same load in every run

    async def speak(self, load: StreamLoad, *, for_s: float) -> Outcome:
        """Has the streams speak so long; those that speak then are heard out."""
        outcome = Outcome(load.streams)
        until = asyncio.get_running_loop().time() + for_s
        async with asyncio.TaskGroup() as tasks:
            for _ in range(load.streams):
                tasks.create_task(self._stream(load, until, outcome))
        return outcome

    async def _stream(self, load: StreamLoad, until: float, outcome: Outcome) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if load.pause_s:
                await asyncio.sleep(self._random.expovariate(1 / load.pause_s))
            if loop.time() >= until:
                return
            asked_at = loop.time()
            try:
                outcome.spoken.append(await self._utterance(load.texts, asked_at))
            except WorkersBusyError as refused:
                outcome.refused_ms.append(1000 * (loop.time() - asked_at))
                await asyncio.sleep(refused.retry_after_s)

    async def _utterance(self, texts: int, asked_at: float) -> AdmittedUtterance:
        loop = asyncio.get_running_loop()
        worker, admitted_at, first_audio_at = "", asked_at, None
        request = SynthesisRequest(voice=self._voice, seed=self._random.getrandbits(32))
        speech = self._pool.synthesize(request, self._texts(texts), busy_limit_s=0.0)
        async for event in speech:
            if isinstance(event, SynthesisStarted):
                worker, admitted_at = self._names.get(event.worker_id, ""), loop.time()
            elif isinstance(event, AudioChunk) and first_audio_at is None:
                first_audio_at = loop.time()
        assert first_audio_at is not None, "an utterance without audio"
        return AdmittedUtterance(
            worker, 1000 * (admitted_at - asked_at), 1000 * (first_audio_at - asked_at)
        )

    async def _texts(self, count: int) -> AsyncGenerator[str]:
        for number in range(count):
            if number:
                await asyncio.sleep(NEXT_TEXT_S)
            yield self._random.choice(SENTENCES)


@dataclass(frozen=True)
class PoolEngine:
    """What the workers speak with."""

    adapter: str
    voice: str


@asynccontextmanager
async def workers_running(
    folder: Path, engine: PoolEngine, *, count: int, slots: int, cpus: Sequence[int]
) -> AsyncIterator[tuple[WorkerProcess, ...]]:
    """So many workers with so many slots each, all on the same cores."""
    workers = tuple(
        WorkerProcess(
            f"tts-{number}",
            folder / f"of-{count}",
            tts={"adapter": engine.adapter, "default_model": engine.voice, "slots": slots},
            cpus=cpus,
        )
        for number in range(1, count + 1)
    )
    async with AsyncExitStack() as started:
        for worker in workers:
            started.push_async_callback(worker.stop)
        await asyncio.gather(*(worker.start() for worker in workers))
        yield workers


@asynccontextmanager
async def speakers(
    workers: Sequence[WorkerProcess], engine: PoolEngine, *, seed: int = 1
) -> AsyncIterator[Speakers]:
    """A pool of these workers, as an agent has it, and streams to speak through it."""
    addresses = ",".join(worker.target for worker in workers)
    names = {f"{os.uname().nodename}-{worker.pid}": worker.name for worker in workers}
    async with SpeechPool(StaticDiscovery(addresses)) as pool:
        yield Speakers(pool, engine.voice, names, seed)


@asynccontextmanager
async def slowed(worker: WorkerProcess, *, period_s: float = 0.04) -> AsyncIterator[None]:
    """Inside, the worker is stopped for half of every period: it does everything half as fast."""

    async def alternate() -> None:
        while True:
            worker.signal(signal.SIGSTOP)
            await asyncio.sleep(period_s / 2)
            worker.signal(signal.SIGCONT)
            await asyncio.sleep(period_s / 2)

    try:
        async with background(alternate(), name="slow-worker"):
            yield
    finally:
        worker.signal(signal.SIGCONT)
