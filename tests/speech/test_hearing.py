"""The pool's promises to whoever listens: what was said is transcribed, whatever workers do."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random

import numpy as np
import pytest

from parley.discovery import StaticDiscovery
from parley.errors import WorkersBusyError
from parley.speech import FlushMark, RecognitionPool, RecognitionRequest, Transcript
from tests.speech.fake_listener import FakeListener, listening

FRAME_S = 0.02
REQUEST = RecognitionRequest(sample_rate_hz=16000)


@asynccontextmanager
async def pool_of(*workers: FakeListener) -> AsyncGenerator[RecognitionPool]:
    async with AsyncExitStack() as stack:
        targets = [await stack.enter_async_context(listening(worker)) for worker in workers]
        discovery = StaticDiscovery(",".join(targets))
        yield await stack.enter_async_context(RecognitionPool(discovery, random=Random(0)))


def frame(word: int) -> bytes:
    return np.full(320, word, dtype="<i2").tobytes()


async def speech(*items: int | FlushMark) -> AsyncGenerator[bytes | FlushMark]:
    for item in items:
        yield item if isinstance(item, FlushMark) else frame(item)
        await asyncio.sleep(0.001)


TWO_TURNS = (1, 2, 3, FlushMark(1), 4, 5, FlushMark(2))


async def finals(pool: RecognitionPool, *items: int | FlushMark) -> list[Transcript]:
    return [transcript async for transcript in pool.recognize(REQUEST, speech(*items))]


def in_time(transcripts: list[Transcript]) -> list[tuple[str, float, float]]:
    return [(t.text, round(t.start_s, 3), round(t.end_s, 3)) for t in transcripts]


async def test_each_flush_gets_its_final_with_its_times() -> None:
    async with pool_of(FakeListener()) as pool:
        assert in_time(await finals(pool, *TWO_TURNS)) == [
            ("1 2 3", 0.0, 3 * FRAME_S),
            ("4 5", 3 * FRAME_S, 5 * FRAME_S),
        ]


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5])
async def test_a_worker_lost_while_the_person_speaks_loses_no_word(frames: int) -> None:
    workers = [FakeListener(die_after_frames=frames) for _ in range(2)]
    async with pool_of(*workers) as pool:

        async def healed() -> None:
            asked = [asyncio.create_task(worker.asked.wait()) for worker in workers]
            _, waiting = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
            next(worker for worker in workers if not worker.calls).die_after_frames = None
            waiting.pop().cancel()

        _, transcripts = await asyncio.gather(healed(), finals(pool, *TWO_TURNS))
    assert in_time(transcripts) == [
        ("1 2 3", 0.0, 3 * FRAME_S),
        ("4 5", 3 * FRAME_S, 5 * FRAME_S),
    ]
    assert [worker.calls for worker in workers] == [1, 1]


async def test_a_worker_that_owes_a_final_for_too_long_is_left() -> None:
    workers = [FakeListener(freeze_at_flush=True) for _ in range(2)]
    async with pool_of(*workers) as pool:

        async def healed() -> None:
            asked = [asyncio.create_task(worker.asked.wait()) for worker in workers]
            _, waiting = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
            next(worker for worker in workers if not worker.calls).freeze_at_flush = False
            waiting.pop().cancel()

        _, transcripts = await asyncio.gather(healed(), finals(pool, 1, 2, FlushMark(1)))
    assert [t.text for t in transcripts] == ["1 2"]


async def test_a_busy_worker_is_passed_over_and_overload_is_refused() -> None:
    async with pool_of(FakeListener(busy=True), FakeListener()) as pool:
        for _ in range(3):
            assert [t.text for t in await finals(pool, 7, FlushMark(1))] == ["7"]
    async with pool_of(FakeListener(busy=True)) as pool:
        with pytest.raises(WorkersBusyError):
            await finals(pool, 7, FlushMark(1))


async def test_a_failing_microphone_is_raised_to_the_listener() -> None:
    async def broken() -> AsyncGenerator[bytes | FlushMark]:
        yield frame(1)
        yield FlushMark(1)
        raise OSError("unplugged")

    heard: list[str] = []
    async with pool_of(FakeListener()) as pool:
        with pytest.raises(OSError, match="unplugged"):
            async for transcript in pool.recognize(REQUEST, broken()):
                heard.append(transcript.text)
    assert heard == ["1"]
