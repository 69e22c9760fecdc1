"""What is decoded first: the decoder on an engine that decodes when the test lets it."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence

import numpy as np
import pytest

from workers.engines.asr_engine import (
    DecodeAbandonedError,
    DecodedText,
    DecodeRequest,
    Draft,
    EngineError,
)
from workers.recognition.decoder import Decoder, Job, Urgency


class SlowRecognizer:
    """Its text is the request's hints; each decode waits for `step` after its encoder half.

    Hints that stand for events: `fail` raises, `loop` is a loop at the first attempt, `unsure` an
    improbable text.
    """

    device = "cpu"
    languages = ("en",)
    attempts = 2

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
