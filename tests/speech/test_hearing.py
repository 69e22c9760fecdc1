"""The pool's promises to whoever listens: what was said is transcribed, whatever workers do."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random

import numpy as np
import pytest

from parley.background import background
from parley.discovery import StaticDiscovery
from parley.errors import WorkersBusyError
from parley.speech import FlushMark, RecognitionPool, RecognitionRequest, Transcript
from parley.speech.balancing.retries import BUSY_LIMIT_S
from parley.speech.recognition.pool import CHECK_S, KEPT_S, LAST_LIMIT_S, LOAD_SLACK
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


async def finals(
    pool: RecognitionPool, *items: int | FlushMark, busy_limit_s: float = BUSY_LIMIT_S
) -> list[Transcript]:
    transcripts = pool.recognize(REQUEST, speech(*items), busy_limit_s=busy_limit_s)
    return [transcript async for transcript in transcripts]


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
            await finals(pool, 7, FlushMark(1), busy_limit_s=0.5)


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("reported_work_s", [0.0, 1.8])
async def test_every_turn_is_answered_where_all_workers_are_slow(
    count: int, reported_work_s: float
) -> None:
    workers = [
        FakeListener(final_takes_s=1.8, reported_work_s=reported_work_s) for _ in range(count)
    ]
    async with pool_of(*workers) as pool, asyncio.timeout(15):
        transcripts = await finals(pool, *TWO_TURNS)
    assert [t.text for t in transcripts] == ["1 2 3", "4 5"]
    if reported_work_s:  # it has what its load lets expect, and nobody else gets its audio too
        assert sum(worker.calls for worker in workers) == 1


async def test_a_final_is_asked_for_with_its_deadline() -> None:
    alone = FakeListener()
    async with pool_of(alone) as pool:
        await finals(pool, 1, FlushMark(1))
    assert alone.within_s == [LAST_LIMIT_S]
    known = [FakeListener(reported_work_s=2.0) for _ in range(2)]
    async with pool_of(*known) as pool:
        await finals(pool, 1, FlushMark(1))
    assert known[0].within_s + known[1].within_s == [2.0 * LOAD_SLACK]


async def minutes_of_quiet(seconds: int, until: asyncio.Event) -> AsyncGenerator[bytes | FlushMark]:
    for n in range(seconds):
        yield np.full(16000, n + 1, dtype="<i2").tobytes()
    await until.wait()
    yield FlushMark(1)


@pytest.mark.realtime
async def test_a_worker_that_takes_over_gets_a_minute_at_most_and_the_loop_goes_on() -> None:
    workers = [FakeListener() for _ in range(2)]
    may_end, longest_s = asyncio.Event(), 0.0

    async def lateness() -> None:
        nonlocal longest_s
        loop = asyncio.get_running_loop()
        while True:
            began_s = loop.time()
            await asyncio.sleep(0.005)
            longest_s = max(longest_s, loop.time() - began_s - 0.005)

    async def lost_after(pool: RecognitionPool, seconds: float) -> None:
        """The worker that listens is lost once it has heard so much and the rest was forgotten."""
        hearing = [asyncio.create_task(worker.until_heard(seconds)) for worker in workers]
        await asyncio.wait(hearing, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.sleep(2 * CHECK_S)
        first, other = sorted(workers, key=lambda worker: not worker.calls)
        first.lost.set()
        await other.asked.wait()
        began_s = asyncio.get_running_loop().time()
        await other.until_heard(KEPT_S - 1)
        assert asyncio.get_running_loop().time() - began_s < 10.0, "no faster than it was spoken"
        may_end.set()
        for task in hearing:
            task.cancel()

    async with (
        asyncio.timeout(30),
        pool_of(*workers) as pool,
        background(lateness(), name="lateness"),
    ):
        _, transcripts = await asyncio.gather(
            lost_after(pool, 190), heard_of(pool, minutes_of_quiet(190, may_end))
        )
    (final,) = transcripts
    assert final.text.split() == [str(n + 1) for n in range(130, 190)]
    assert round(final.start_s) == 130
    assert longest_s < 1.0  # of a busy machine; in one go it would be seconds


async def heard_of(
    pool: RecognitionPool, audio: AsyncGenerator[bytes | FlushMark]
) -> list[Transcript]:
    return [transcript async for transcript in pool.recognize(REQUEST, audio)]


async def test_without_audio_no_worker_is_asked() -> None:
    worker, may_speak = FakeListener(), asyncio.Event()

    async def silent_at_first() -> AsyncGenerator[bytes | FlushMark]:
        await may_speak.wait()
        yield frame(1)
        yield FlushMark(1)

    async with pool_of(worker) as pool:
        listening = asyncio.create_task(heard_of(pool, silent_at_first()))
        await pool.roster.updated()
        assert not worker.calls
        may_speak.set()
        assert [t.text for t in await listening] == ["1"]


@pytest.mark.parametrize("crossed", [True, False])
async def test_a_call_that_was_ended_for_idleness_is_opened_again_with_the_next_audio(
    crossed: bool,
) -> None:
    worker, may_go_on = FakeListener(ends_as_idle=True), asyncio.Event()
    now_s = 0.0
    if crossed:  # it ends the call before it sees what was sent
        worker.lost.set()
        may_go_on.set()

    async def pausing() -> AsyncGenerator[bytes | FlushMark]:
        yield frame(1)
        await may_go_on.wait()
        yield frame(2)
        yield FlushMark(1)

    async with AsyncExitStack() as stack:
        await stack.enter_async_context(asyncio.timeout(10))
        target = await stack.enter_async_context(listening(worker))
        pool = await stack.enter_async_context(
            RecognitionPool(StaticDiscovery(target), clock=lambda: now_s)
        )
        hearing = asyncio.create_task(heard_of(pool, pausing()))
        if not crossed:
            await worker.until_heard(FRAME_S)
            now_s = 30.0
            worker.lost.set()
            await pool.roster.updated()
            await pool.roster.updated()
            assert worker.calls == 1
            may_go_on.set()
        assert [t.text for t in await hearing] == ["1 2"]
    assert worker.calls == 2


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
