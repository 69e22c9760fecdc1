"""Workers that discovery no longer lists: what runs there goes on, then nothing is left of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

import psutil

from parley.discovery import WorkerAddress
from parley.speech import AudioChunk, SpeechPool, SynthesisDone, SynthesisRequest
from tests.speech.fake_worker import WORD_SAMPLES, FakeWorker, serving

WITHIN_S = 10.0


@dataclass
class Listed:
    """Discovery as a list that the test writes."""

    targets: list[str]

    def workers(self) -> tuple[WorkerAddress, ...]:
        return tuple(map(WorkerAddress, self.targets))

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        yield


def connections_to(target: str) -> int:
    """Of this process, which serves and asks: one connection counts twice."""
    port = int(target.rpartition(":")[2])
    ours = psutil.Process().net_connections("tcp")
    return sum(bool(c.raddr) and port in (c.raddr.port, c.laddr.port) for c in ours)


async def until_disconnected(target: str) -> None:
    async with asyncio.timeout(WITHIN_S):
        while connections_to(target):  # noqa: ASYNC110 - the kernel's, it has no event
            await asyncio.sleep(0.05)


async def texts() -> AsyncIterator[str]:
    yield " ".join(f"w{n}" for n in range(1, 21))


async def test_a_worker_that_is_no_longer_listed_finishes_what_it_says_and_is_let_go() -> None:
    async with serving(FakeWorker(words_per_s=8)) as leaving, serving(FakeWorker()) as staying:
        discovery = Listed([leaving])
        async with SpeechPool(discovery) as pool:
            speech = pool.synthesize(SynthesisRequest(voice="tone"), texts())
            samples = 0
            async with aclosing(speech) as events:
                async for event in events:
                    if isinstance(event, AudioChunk):
                        discovery.targets = [staying]
                        samples += len(event.samples)
            assert isinstance(event, SynthesisDone)
            assert samples == 20 * WORD_SAMPLES
            assert connections_to(leaving)
            await until_disconnected(leaving)
            assert connections_to(staying)
