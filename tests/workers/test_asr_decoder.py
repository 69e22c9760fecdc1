"""What is decoded first: the decoder on an engine that decodes when the test lets it."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from typing import cast

import grpc
import numpy as np
import pytest

from parley.background import background
from tests.workers.test_residency import TurnedClock
from tests.workers.test_worker_server import SERVING, Worker, until_health
from workers.asr import stop_without
from workers.engines.asr_engine import (
    DecodeAbandonedError,
    DecodedText,
    DecodeRequest,
    Draft,
    EngineError,
)
from workers.recognition.decoder import Decoder, DecoderEndedError, Job, Urgency


class EngineGone(BaseException):
    """Of the kind that ends a thread."""


class SlowRecognizer:
    """Its text is the request's hints; each decode waits for `step` after its encoder half.

    Hints that stand for events: `fail` raises, `few` gives too few drafts, `many` too many, `none`
    nothing, `end` raises what no program is to catch, `loop` is a loop at the first attempt,
    `unsure` an improbable text.
    """

    device = "cpu"
    languages = ("en",)
    attempts = 2
    largest_batch = 4

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.encoded = asyncio.Event()
        self.loop = asyncio.get_running_loop()
        self._go = threading.Semaphore(0)

    def step(self, count: int = 1) -> None:
        self._go.release(count)

    def decode(
        self, requests: Sequence[DecodeRequest], *, attempt: int, abandoned: Callable[[], bool]
    ) -> list[Draft]:
        hints = [request.hints for request in requests]
        self.loop.call_soon_threadsafe(self.encoded.set)
        assert self._go.acquire(timeout=10)
        if abandoned():
            raise DecodeAbandonedError
        self.batches.append(hints)
        if "fail" in hints:
            raise EngineError("the engine broke")
        if "few" in hints:
            return []
        if "many" in hints:
            return [Draft(DecodedText(hint, 0.9)) for hint in (*hints, "more")]
        if "none" in hints:
            return cast(list[Draft], None)
        if "end" in hints:
            raise EngineGone
        return [
            Draft(
                DecodedText(hint, 0.9),
                loops=hint == "loop" and not attempt,
                unsure=hint == "unsure" and not attempt,
            )
            for hint in hints
        ]


@pytest.fixture
async def engine() -> SlowRecognizer:
    return SlowRecognizer()


@pytest.fixture
async def decoder(engine: SlowRecognizer) -> AsyncIterator[Decoder]:
    async with asyncio.timeout(20), Decoder(engine) as decoder:
        yield decoder
        engine.step(100)


def request(hints: str, seconds: float = 1.0) -> DecodeRequest:
    samples = np.zeros(round(seconds * 16000), np.float32)
    return DecodeRequest(samples=samples, voice=0.99, language="en", hints=hints)


def submit(decoder: Decoder, hints: str, urgency: Urgency, *, seconds: float = 1.0) -> Job:
    return decoder.submit(lambda: request(hints, seconds), urgency)


async def running(decoder: Decoder, engine: SlowRecognizer, urgency: Urgency, hints: str) -> Job:
    """A job that has begun to be decoded."""
    engine.encoded.clear()
    job = submit(decoder, hints, urgency)
    await engine.encoded.wait()
    return job


async def test_the_most_urgent_is_decoded_first(decoder: Decoder, engine: SlowRecognizer) -> None:
    await running(decoder, engine, Urgency.FINAL, "running")
    jobs = [
        submit(decoder, "partial", Urgency.PARTIAL),
        submit(decoder, "preflight", Urgency.PREFLIGHT),
        submit(decoder, "final", Urgency.FINAL),
    ]
    engine.step(4)
    assert [h and h.text for h in await asyncio.gather(*(job.result for job in jobs))] == [
        "partial",
        "preflight",
        "final",
    ]
    assert engine.batches == [["running"], ["final"], ["preflight"], ["partial"]]


async def test_a_partial_under_way_gives_way_and_comes_back(
    decoder: Decoder, engine: SlowRecognizer
) -> None:
    partial = await running(decoder, engine, Urgency.PARTIAL, "partial")
    final = submit(decoder, "final", Urgency.FINAL)
    engine.step(3)
    await asyncio.gather(partial.result, final.result)
    assert engine.batches == [["final"], ["partial"]]


async def test_renewals_rest_and_hold_nobody_up(engine: SlowRecognizer) -> None:
    clock = TurnedClock()
    async with asyncio.timeout(20), Decoder(engine, clock=clock) as decoder:
        partial = await running(decoder, engine, Urgency.PARTIAL, "partial")
        clock.now_s += 0.1
        engine.step()
        await partial.result
        renewal = decoder.submit(lambda: request("renewal"), Urgency.PARTIAL, renews=True)
        other = submit(decoder, "other", Urgency.PARTIAL)
        engine.step(2)
        await other.result
        assert engine.batches == [["partial"], ["other"]]
        decoder.set_urgency(renewal, Urgency.PREFLIGHT)  # the speaker has paused
        await renewal.result
        assert engine.batches[-1] == ["renewal"]


async def test_a_renewal_is_decoded_once_the_rest_is_over(engine: SlowRecognizer) -> None:
    clock = TurnedClock()
    async with asyncio.timeout(20), Decoder(engine, clock=clock) as decoder:
        partial = await running(decoder, engine, Urgency.PARTIAL, "partial")
        clock.now_s += 0.01  # so long does the loop wait as well, twice
        engine.step(2)
        await partial.result
        renewal = decoder.submit(lambda: request("renewal"), Urgency.PARTIAL, renews=True)
        clock.now_s += 0.021
        await renewal.result
        assert engine.batches[-1] == ["renewal"]


async def test_a_preflight_under_way_is_not_thrown_away(
    decoder: Decoder, engine: SlowRecognizer
) -> None:
    preflight = await running(decoder, engine, Urgency.PREFLIGHT, "preflight")
    final = submit(decoder, "final", Urgency.FINAL)
    engine.step(2)
    await asyncio.gather(preflight.result, final.result)
    assert engine.batches == [["preflight"], ["final"]]


async def test_speakers_who_wait_are_decoded_together(
    decoder: Decoder, engine: SlowRecognizer
) -> None:
    await running(decoder, engine, Urgency.FINAL, "running")
    jobs = [submit(decoder, "same", Urgency.FINAL) for _ in range(3)]
    engine.step(2)
    await asyncio.gather(*(job.result for job in jobs))
    assert engine.batches == [["running"], ["same"] * 3]


async def test_a_long_utterance_does_not_hold_up_short_ones(
    decoder: Decoder, engine: SlowRecognizer
) -> None:
    await running(decoder, engine, Urgency.FINAL, "running")
    short = submit(decoder, "same", Urgency.FINAL, seconds=2)
    long = submit(decoder, "same", Urgency.FINAL, seconds=20)
    engine.step(3)
    await asyncio.gather(short.result, long.result)
    assert engine.batches == [["running"], ["same"], ["same"]]


async def test_what_waited_is_decoded_as_it_is_when_its_time_comes(
    decoder: Decoder, engine: SlowRecognizer
) -> None:
    await running(decoder, engine, Urgency.FINAL, "running")
    said = ["so"]
    job = decoder.submit(lambda: request(" ".join(said)), Urgency.PARTIAL)
    said.append("far")
    engine.step(2)
    decoded = await job.result
    assert decoded is not None
    assert decoded.text == "so far"


async def test_a_cancelled_job_is_never_decoded(decoder: Decoder, engine: SlowRecognizer) -> None:
    await running(decoder, engine, Urgency.FINAL, "running")
    unwanted = submit(decoder, "unwanted", Urgency.FINAL)
    wanted = submit(decoder, "wanted", Urgency.PARTIAL)
    decoder.cancel(unwanted)
    engine.step(2)
    await wanted.result
    assert engine.batches == [["running"], ["wanted"]]
    assert unwanted.result.cancelled()


async def test_a_loop_is_decoded_again_after_what_is_more_urgent(
    decoder: Decoder, engine: SlowRecognizer
) -> None:
    preflight = await running(decoder, engine, Urgency.PREFLIGHT, "loop")
    final = submit(decoder, "final", Urgency.FINAL)
    engine.step(3)
    await asyncio.gather(preflight.result, final.result)
    assert engine.batches == [["loop"], ["final"], ["loop"]]


async def test_a_partial_that_loops_is_dropped(decoder: Decoder, engine: SlowRecognizer) -> None:
    job = submit(decoder, "loop", Urgency.PARTIAL)
    engine.step()
    assert await job.result is None
    assert engine.batches == [["loop"]]


async def test_an_unsure_partial_is_told_and_not_settled(
    decoder: Decoder, engine: SlowRecognizer
) -> None:
    job = submit(decoder, "unsure", Urgency.PARTIAL)
    engine.step()
    decoded = await job.result
    assert decoded is not None
    assert not job.is_settled
    assert engine.batches == [["unsure"]]


@pytest.mark.parametrize("urgency", [Urgency.PREFLIGHT, Urgency.FINAL])
async def test_an_unsure_text_is_decoded_again(
    decoder: Decoder, engine: SlowRecognizer, urgency: Urgency
) -> None:
    job = submit(decoder, "unsure", urgency)
    engine.step(2)
    assert await job.result is not None
    assert job.is_settled
    assert engine.batches == [["unsure"], ["unsure"]]


async def test_an_engine_that_fails_fails_its_job_and_no_other(
    decoder: Decoder, engine: SlowRecognizer
) -> None:
    broken = submit(decoder, "fail", Urgency.FINAL)
    engine.step()
    with pytest.raises(EngineError, match="the engine broke"):
        await broken.result
    whole = submit(decoder, "whole", Urgency.FINAL)
    engine.step()
    decoded = await whole.result
    assert decoded is not None
    assert decoded.text == "whole"


async def test_a_decode_that_nobody_waits_for_ends_early(
    decoder: Decoder, engine: SlowRecognizer
) -> None:
    unwanted = await running(decoder, engine, Urgency.PREFLIGHT, "unwanted")
    decoder.cancel(unwanted)
    wanted = submit(decoder, "wanted", Urgency.PARTIAL)
    engine.step(2)
    await wanted.result
    assert engine.batches == [["wanted"]]


async def test_a_partial_that_has_become_urgent_does_not_give_way(
    decoder: Decoder, engine: SlowRecognizer
) -> None:
    job = await running(decoder, engine, Urgency.PARTIAL, "paused")
    decoder.set_urgency(job, Urgency.PREFLIGHT)
    final = submit(decoder, "final", Urgency.FINAL)
    engine.step(2)
    await asyncio.gather(job.result, final.result)
    assert engine.batches == [["paused"], ["final"]]


@pytest.mark.parametrize(
    "error", [ValueError("no sound"), MemoryError("no sound"), KeyError("no sound")]
)
async def test_a_request_that_cannot_be_made_fails_its_job_and_no_other(
    decoder: Decoder, engine: SlowRecognizer, error: Exception
) -> None:
    await running(decoder, engine, Urgency.FINAL, "running")

    def take_request() -> DecodeRequest:
        raise error

    broken = decoder.submit(take_request, Urgency.FINAL)
    whole = submit(decoder, "whole", Urgency.FINAL)
    engine.step(2)
    with pytest.raises(type(error), match="no sound"):
        await broken.result
    assert await whole.result is not None


@pytest.mark.parametrize("broken", ["few", "many", "none", "fail"])
async def test_whatever_an_engine_answers_the_next_job_is_decoded(
    decoder: Decoder, engine: SlowRecognizer, broken: str
) -> None:
    for _ in range(3):
        job = submit(decoder, broken, Urgency.FINAL)
        engine.step()
        with pytest.raises((ValueError, TypeError, EngineError)):
            await job.result
    whole = submit(decoder, "whole", Urgency.PREFLIGHT)
    engine.step()
    assert await whole.result is not None


async def test_the_load_is_known(decoder: Decoder, engine: SlowRecognizer) -> None:
    assert (decoder.pending, decoder.recent_s) == (0, 0.0)
    first = await running(decoder, engine, Urgency.FINAL, "running")
    submit(decoder, "partial", Urgency.PARTIAL)
    waiting = [submit(decoder, f"final {n}", Urgency.FINAL) for n in range(2)]
    assert decoder.pending == 3
    engine.step(4)
    await asyncio.gather(first.result, *(job.result for job in waiting))
    assert decoder.recent_s > 0


async def test_where_the_decoder_ends_health_says_so_and_whoever_waits_is_told(
    engine: SlowRecognizer,
) -> None:
    worker = Worker()
    async with (
        asyncio.timeout(20),
        Decoder(engine) as decoder,
        worker.server as server,
        grpc.aio.insecure_channel(f"127.0.0.1:{worker.port}") as channel,
        background(stop_without(decoder, server), name="decoder-watch"),
    ):
        await server.start()
        serving = asyncio.create_task(server.serve())
        await until_health(channel, SERVING)
        ending = await running(decoder, engine, Urgency.FINAL, "end")
        waiting = submit(decoder, "waiting", Urgency.FINAL)
        engine.step()
        for job in (ending, waiting):
            with pytest.raises(DecoderEndedError):
                await job.result
        await serving
        with pytest.raises(DecoderEndedError):
            submit(decoder, "late", Urgency.FINAL)
