"""Calls that speak to the same workers, and what they had to wait for."""

import asyncio
import os
import random
import signal
import tempfile
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from parley.background import background
from parley.errors import WorkersBusyError
from parley.settings import OrchestratorSettings
from parley.speech import AudioChunk, SpeechPool, SynthesisRequest, SynthesisStarted
from parley.speech.balancing.roster import asking_roster
from parley.speech.channel import Channels
from parley.speech.configured import speech_discovery, speech_pool
from parley.speech.node.link import NodeLink
from parley.speech.node.server import NodeScoreboard
from parley.speech.node.socket_file import socket_path
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
LEAST_UTTERANCES = 40
"""Of every measurement: fewer say nothing of a share or a percentile."""
AT_MOST_TIMES = 10
"""So many times as long as it was meant to take a measurement may go on for them."""


@dataclass(frozen=True)
class AdmittedUtterance:
    """An utterance that was admitted; times in ms."""

    worker: str
    first_audio_ms: float
    """Since it was asked for, waiting for a slot included; a refused try counts apart."""
    broken_off_ms: float = 0.0
    """For how long nothing was left to hear between its first audio and its last."""


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
    """Of an utterance; all are there from the start, so that a slot is worked in without a pause:
    slots are held while speech is made, and texts that come as they are heard would leave them
    free most of the time."""
    pause_s: float = 0.0
    """Mean; exponentially distributed."""


class Speakers:
    """Makes load on the workers, each stream as a call of an agent's does; `speakers` makes it."""

    def __init__(
        self,
        pool_of_a_call: Callable[[], Awaitable[SpeechPool]],
        voice: str,
        names: dict[str, str],
        seed: int,
    ) -> None:
        self._pool_of_a_call = pool_of_a_call
        self._pools: list[SpeechPool] = []
        self._voice = voice
        self._names = names
        self._random = random.Random(seed)  # noqa: S311 - the same load in every run

    async def speak(
        self, load: StreamLoad, *, for_s: float, at_least: int = LEAST_UTTERANCES
    ) -> Outcome:
        """Has the streams speak so long, and until so many utterances were heard; those that are
        being spoken then are heard out."""
        while len(self._pools) < load.streams:
            self._pools.append(await self._pool_of_a_call())
        outcome, loop = Outcome(load.streams), asyncio.get_running_loop()
        began = loop.time()

        def is_over() -> bool:
            lasted_s, enough = loop.time() - began, len(outcome.spoken) >= at_least
            return lasted_s >= (for_s if enough else AT_MOST_TIMES * for_s)

        async with asyncio.TaskGroup() as tasks:
            for pool in self._pools[: load.streams]:
                tasks.create_task(self._stream(pool, load, is_over, outcome))
        return outcome

    async def _stream(
        self,
        pool: SpeechPool,
        load: StreamLoad,
        is_over: Callable[[], bool],
        outcome: Outcome,
    ) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if load.pause_s:
                await asyncio.sleep(self._random.expovariate(1 / load.pause_s))
            if is_over():
                return
            asked_at = loop.time()
            try:
                outcome.spoken.append(await self._utterance(pool, load.texts, asked_at))
            except WorkersBusyError as refused:
                outcome.refused_ms.append(1000 * (loop.time() - asked_at))
                await asyncio.sleep(refused.retry_after_s)

    async def _utterance(self, pool: SpeechPool, texts: int, asked_at: float) -> AdmittedUtterance:
        loop = asyncio.get_running_loop()
        worker, first_audio_at = "", None
        heard_until = broken_off_s = 0.0
        rate_hz = 1
        request = SynthesisRequest(voice=self._voice, seed=self._random.getrandbits(32))
        speech = pool.synthesize(request, self._texts(texts), busy_limit_s=0.0)
        async for event in speech:
            if isinstance(event, SynthesisStarted):
                worker = self._names.get(event.worker_id, "")
                rate_hz = event.sample_rate_hz
            elif isinstance(event, AudioChunk):
                now = loop.time()
                if first_audio_at is None:
                    first_audio_at = heard_until = now
                broken_off_s += max(0.0, now - heard_until)
                heard_until = max(now, heard_until) + len(event.samples) / rate_hz
        assert first_audio_at is not None, "an utterance without audio"
        return AdmittedUtterance(worker, 1000 * (first_audio_at - asked_at), 1000 * broken_off_s)

    async def _texts(self, count: int) -> AsyncGenerator[str]:
        for _ in range(count):
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
    """Streams to speak to these workers, each with what a call of an agent has: a pool of its own
    that goes by its node's scoreboard."""
    settings = OrchestratorSettings()
    addresses = ",".join(worker.target for worker in workers)
    tts = settings.tts.model_copy(update={"discovery": "static", "worker_address": addresses})
    settings = settings.model_copy(update={"tts": tts.model_copy(update={"workers": 1})})
    names = {f"{os.uname().nodename}-{worker.port}": worker.name for worker in workers}
    channels = Channels()
    async with AsyncExitStack() as calls:
        folder = calls.enter_context(tempfile.TemporaryDirectory(prefix="parley-node-"))
        path = socket_path(Path(folder), 1)
        calls.push_async_callback(channels.aclose)
        roster = asking_roster(speech_discovery(settings), channels, "synthesis")
        await calls.enter_async_context(NodeScoreboard({"synthesis": roster}, path).running())

        async def pool_of_a_call() -> SpeechPool:
            link = await calls.enter_async_context(NodeLink(path))
            return await calls.enter_async_context(speech_pool(settings, link))

        yield Speakers(pool_of_a_call, engine.voice, names, seed)


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
