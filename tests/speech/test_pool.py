"""The pool's promises to whoever speaks: every word once, whatever the workers do."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from random import Random

import numpy as np
import pytest

from parley.clock import Clock, monotonic
from parley.discovery import StaticDiscovery
from parley.errors import VoiceNotFoundError, WorkersBusyError, WorkerUnavailableError
from parley.speech import (
    AudioChunk,
    SpeechEvent,
    SpeechPool,
    SynthesisDone,
    SynthesisRequest,
    SynthesisWords,
    TextSpoken,
)
from parley.speech.balancing.retries import BUSY_LIMIT_S
from parley.speech.synthesis.pool import SLOT_WAIT_S
from tests.speech.fake_worker import WORD_SAMPLES, FakeWorker, serving

REQUEST = SynthesisRequest(voice="tone")
TEXTS = ("w1 w2 w3.", "w4 w5 w6 w7.", "w8.")
ALL_WORDS = [1, 2, 3, 4, 5, 6, 7, 8]
LONG = [f"w{n}" for n in range(1, 61)]


@asynccontextmanager
async def pool_of(
    *workers: FakeWorker, seed: int = 0, clock: Clock = monotonic
) -> AsyncGenerator[SpeechPool]:
    async with AsyncExitStack() as stack:
        targets = [await stack.enter_async_context(serving(worker)) for worker in workers]
        discovery = StaticDiscovery(",".join(targets))
        yield await stack.enter_async_context(
            SpeechPool(discovery, random=Random(seed), clock=clock)
        )


async def said(*texts: str) -> AsyncGenerator[str]:
    for text in texts:
        yield text


async def speak(
    pool: SpeechPool,
    texts: AsyncIterable[str] | None = None,
    request: SynthesisRequest = REQUEST,
    fallback_voice: str | None = None,
    busy_limit_s: float = BUSY_LIMIT_S,
) -> list[SpeechEvent]:
    spoken = pool.synthesize(
        request,
        texts or said(*TEXTS),
        fallback_voice=fallback_voice,
        busy_limit_s=busy_limit_s,
    )
    async with aclosing(spoken) as events:
        return [event async for event in events]


def heard(events: Sequence[SpeechEvent]) -> list[int]:
    """The words in the audio, in order; fails where the samples leave a gap or overlap."""
    chunks = [event for event in events if isinstance(event, AudioChunk)]
    position = chunks[0].sample_offset
    for chunk in chunks:
        assert chunk.sample_offset == position
        position += len(chunk.samples)
    samples = np.concatenate([chunk.samples for chunk in chunks])
    middles = samples[WORD_SAMPLES // 2 :: WORD_SAMPLES]
    return [int(word) for word in middles]


async def test_every_word_of_every_text_is_heard_once() -> None:
    async with pool_of(FakeWorker()) as pool:
        events = await speak(pool)
    assert heard(events) == ALL_WORDS
    assert isinstance(events[-1], SynthesisDone)
    assert events[-1].total_samples == 8 * WORD_SAMPLES
    assert [e.text_index for e in events if isinstance(e, TextSpoken)] == [0, 1, 2]


@pytest.mark.parametrize("fault", ["die_after_words", "freeze_after_words"])
@pytest.mark.parametrize("reproducible", [True, False])
@pytest.mark.parametrize("after", [0, 2, 5])
async def test_a_lost_worker_loses_no_word(fault: str, reproducible: bool, after: int) -> None:
    workers = [FakeWorker(reproducible=reproducible) for _ in range(2)]
    for worker in workers:
        setattr(worker, fault, after)
    async with pool_of(*workers) as pool:

        async def healed() -> None:
            """Only the worker that is asked first has the fault."""
            asked = [asyncio.create_task(worker.asked.wait()) for worker in workers]
            _, waiting = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
            setattr(next(worker for worker in workers if not worker.opened), fault, None)
            waiting.pop().cancel()

        _, events = await asyncio.gather(healed(), speak(pool))
    assert heard(events) == ALL_WORDS
    assert [len(worker.opened) for worker in workers] == [1, 1]


async def test_words_keep_their_times_when_the_utterance_moves() -> None:
    dying = FakeWorker(die_after_words=5, reproducible=False)
    async with pool_of(dying) as pool:
        events = await speak(pool)
    assert len(dying.opened) == 2
    last_words = {e.text_index: e.words for e in events if isinstance(e, SynthesisWords)}
    in_time = [w for _, words in sorted(last_words.items()) for w in words]
    assert [w.word for w in in_time] == " ".join(TEXTS).split()
    assert [w.start_sample for w in in_time] == [n * WORD_SAMPLES for n in range(8)]


async def test_a_busy_worker_is_passed_over() -> None:
    busy, free = FakeWorker(busy=True), FakeWorker()
    async with pool_of(busy, free) as pool:
        for _ in range(4):
            assert heard(await speak(pool)) == ALL_WORDS
    assert len(free.opened) == 4


async def test_a_worker_that_cannot_load_one_voice_is_not_lost_to_the_others() -> None:
    declining, sound = FakeWorker(voice_is_broken=True), FakeWorker()
    async with pool_of(declining, sound) as pool:
        while not declining.opened:
            assert heard(await speak(pool)) == ALL_WORDS
        assert not any(worker.on_trial for worker in pool.scoreboard.candidates())


async def test_who_does_not_wait_is_refused_at_once_and_told_when_to_ask_again() -> None:
    workers = [FakeWorker(busy=True), FakeWorker(busy=True)]
    async with pool_of(*workers) as pool:
        with pytest.raises(WorkersBusyError) as refused:
            await speak(pool, busy_limit_s=0.0)
    assert refused.value.retry_after_s > 0
    assert [len(worker.opened) for worker in workers] == [1, 1]
    # Who has waited for a slot at one does not wait at the next as well.
    waits_s = [worker.opened[0].wait.ToTimedelta().total_seconds() for worker in workers]
    assert sorted(waits_s) == [0.0, SLOT_WAIT_S]


@pytest.mark.parametrize("refusals", [1, 3, 6, 9])
@pytest.mark.parametrize("count", [1, 2, 4])
async def test_workers_at_capacity_are_asked_again_until_one_has_room(
    refusals: int, count: int
) -> None:
    workers = [FakeWorker(busy=True) for _ in range(count)]
    async with pool_of(*workers) as pool:

        async def one_gets_free() -> None:
            while sum(len(worker.opened) for worker in workers) < refusals:
                for worker in workers:
                    worker.asked.clear()
                asked = [asyncio.create_task(worker.asked.wait()) for worker in workers]
                await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
                for task in asked:
                    task.cancel()
            workers[0].busy = False

        async with asyncio.timeout(10):
            _, events = await asyncio.gather(one_gets_free(), speak(pool))
    assert heard(events) == ALL_WORDS


async def test_workers_that_stay_at_capacity_are_given_up_at_the_limit() -> None:
    worker = FakeWorker(busy=True)

    def asked() -> float:
        """A clock that shows how often they were: a quarter of a second each time."""
        return len(worker.opened) / 4

    async with pool_of(worker, clock=asked) as pool, asyncio.timeout(60):
        with pytest.raises(WorkersBusyError):
            await speak(pool, busy_limit_s=1.0)
    assert len(worker.opened) == 5  # first refused at 0.25 s, given up a second later


async def test_a_worker_that_gets_full_in_mid_utterance_loses_no_word() -> None:
    worker = FakeWorker(die_after_words=5, reproducible=False)
    async with pool_of(worker) as pool:

        async def full_for_a_while() -> None:
            await worker.ended.wait()
            worker.die_after_words, worker.busy = None, True
            while len(worker.opened) < 3:
                worker.asked.clear()
                await worker.asked.wait()
            worker.busy = False

        _, events = await asyncio.gather(full_for_a_while(), speak(pool))
    assert heard(events) == ALL_WORDS


async def test_a_draining_worker_gets_nothing_new() -> None:
    draining, open_ = FakeWorker(draining=True), FakeWorker()
    async with pool_of(draining, open_) as pool:
        for _ in range(5):
            await speak(pool)
    assert not draining.opened


async def test_an_unknown_voice_is_an_error_that_names_it() -> None:
    async with pool_of(FakeWorker()) as pool:
        with pytest.raises(VoiceNotFoundError, match="nobody"):
            await speak(pool, request=SynthesisRequest(voice="nobody"))


async def test_the_fallback_voice_speaks_the_text_that_was_cut_from_its_beginning() -> None:
    first, second = FakeWorker(die_after_words=5), FakeWorker(voices=("other",))
    async with pool_of(first, second) as pool:
        events = await speak(pool, fallback_voice="other")
    assert heard(events) == [1, 2, 3, 4, 5, 4, 5, 6, 7, 8]
    assert second.opened[0].voice == "other"


async def test_no_worker_at_all_is_an_error_that_names_where_it_looked() -> None:
    impatient = itertools.count(step=3.0).__next__  # seconds pass with every look at the clock
    async with SpeechPool(StaticDiscovery("127.0.0.1:9"), clock=impatient) as pool:
        with pytest.raises(WorkerUnavailableError, match=r"127\.0\.0\.1:9"):
            await speak(pool)


async def test_closing_the_speech_cancels_it_at_the_worker() -> None:
    worker = FakeWorker(words_per_s=20)
    async with pool_of(worker) as pool:
        async with aclosing(pool.synthesize(REQUEST, said(*TEXTS))) as events:
            async for event in events:
                if isinstance(event, AudioChunk):
                    break
        async with asyncio.timeout(60):
            await worker.ended.wait()
    assert worker.cancelled == 1


async def test_a_failing_source_of_text_is_raised_after_what_it_gave_is_spoken() -> None:
    async def broken() -> AsyncGenerator[str]:
        yield "w1 w2."
        raise LookupError("the model went away")

    events: list[SpeechEvent] = []
    async with pool_of(FakeWorker()) as pool:
        with pytest.raises(LookupError):
            async for event in pool.synthesize(REQUEST, broken()):
                events.append(event)
    assert heard(events) == [1, 2]


async def test_a_worker_that_waits_for_text_is_not_taken_for_a_frozen_one() -> None:
    async def hesitant() -> AsyncGenerator[str]:
        yield "w1."
        await asyncio.sleep(2.0)  # longer than any limit on owed audio
        yield "w2."

    workers = FakeWorker(), FakeWorker()
    async with pool_of(*workers) as pool:
        assert heard(await speak(pool, hesitant())) == [1, 2]
    assert sum(len(worker.opened) for worker in workers) == 1


async def test_late_first_audio_is_hedged_on_an_idle_worker_within_the_budget() -> None:
    slow, quick = FakeWorker(first_audio_delay_s=0.8), FakeWorker()
    async with pool_of(slow, quick) as pool:
        for _ in range(60):  # earns one hedge
            quick.first_audio_delay_s = slow.first_audio_delay_s = 0.0
            await speak(pool, said("w1."))
        asked = len(slow.opened) + len(quick.opened)
        slow.first_audio_delay_s = quick.first_audio_delay_s = 0.8
        assert heard(await speak(pool, said("w1."))) == [1]
        assert heard(await speak(pool, said("w1."))) == [1]
    assert len(slow.opened) + len(quick.opened) == asked + 3


async def test_load_spreads_over_the_workers() -> None:
    workers = [FakeWorker(words_per_s=100, slots=8) for _ in range(4)]
    async with pool_of(*workers) as pool:
        await asyncio.gather(*(speak(pool) for _ in range(32)))
    assert all(len(worker.opened) >= 4 for worker in workers)


async def test_a_worker_that_was_alone_is_not_waited_for_once_another_could_take_over() -> None:
    only, late = FakeWorker(words_per_s=20), FakeWorker(draining=True)
    async with pool_of(only, late) as pool:

        async def the_other_comes() -> None:
            await only.asked.wait()
            late.draining = False
            await pool.roster.updated()
            only.freeze_after_words = 50

        async with asyncio.timeout(6):  # a worker that is alone is waited for for 10 s
            _, events = await asyncio.gather(the_other_comes(), speak(pool, said(" ".join(LONG))))
    assert heard(events) == [int(word[1:]) for word in LONG]
    assert late.opened


async def test_a_refused_call_does_not_queue_at_workers_known_to_be_full() -> None:
    workers = [FakeWorker(busy=True, slots=1) for _ in range(3)]
    async with pool_of(*workers) as pool:
        for worker in workers:
            worker.in_flight = 1
        await pool.roster.refresh()
        with pytest.raises(WorkersBusyError):
            await speak(pool, busy_limit_s=0.0)
    assert sum(len(worker.opened) for worker in workers) == 1


async def test_where_every_worker_is_slow_the_last_one_asked_is_heard_out() -> None:
    workers = [FakeWorker() for _ in range(3)]

    async def slower() -> AsyncGenerator[str]:
        yield "w1 w2."
        for worker in workers:
            worker.first_audio_delay_s = 1.7  # longer than any of them is given
        yield "w3."

    async with pool_of(*workers) as pool:
        assert heard(await speak(pool, slower())) == [1, 2, 3]


@pytest.mark.parametrize(
    ("later_text", "reported_s"),
    [(False, 1.5), (True, 1.5), (False, 0.0)],
    ids=["first text", "later text", "no worker has told its load yet"],
)
async def test_a_worker_that_is_as_busy_as_all_others_is_not_left(
    *, later_text: bool, reported_s: float
) -> None:
    workers = [FakeWorker(slots=1, in_flight=1, reported_work_s=reported_s) for _ in range(3)]

    async def slower() -> AsyncGenerator[str]:
        if later_text:
            yield "w1."
        for worker in workers:
            worker.first_audio_delay_s = 1.8  # longer than where slots are free
        yield "w2 w3."

    async with pool_of(*workers) as pool:
        await pool.roster.refresh()
        assert heard(await speak(pool, slower()))[-2:] == [2, 3]
    assert sum(len(worker.opened) for worker in workers) == 1


@pytest.mark.parametrize(
    ("reported_s", "first_s", "later_s"),
    [(0.9, 0.0, 0.6), (1.2, 0.3, 0.8), (0.0, 0.8, 0.5)],
    ids=["as reported", "as reported, longer", "as its first text, where nothing is reported"],
)
async def test_a_worker_is_not_left_for_what_takes_any_worker_as_long(
    reported_s: float, first_s: float, later_s: float
) -> None:
    """A tenth of a second has been made: it is over long before the next text sounds."""
    workers = [FakeWorker(first_audio_delay_s=first_s, reported_work_s=reported_s) for _ in "123"]

    async def slower() -> AsyncGenerator[str]:
        yield "w1."
        for worker in workers:
            worker.first_audio_delay_s = later_s
        yield "w2 w3."

    async with pool_of(*workers) as pool:
        await pool.roster.refresh()
        # The delay is the later one once the first has begun.
        assert heard(await speak(pool, slower())) == [1, 2, 3]
    assert sum(len(worker.opened) for worker in workers) == 1


async def test_a_worker_that_is_slower_than_another_would_be_is_left() -> None:
    slow = FakeWorker(first_audio_delay_s=5.0, reported_work_s=5.0, reproducible=False)
    quick = FakeWorker(reported_work_s=0.1)
    async with pool_of(slow, quick) as pool, asyncio.timeout(20):
        for seed in range(8):  # chosen by chance: some of these ask the slow one first
            request = SynthesisRequest(voice="tone", seed=seed)
            began_s = asyncio.get_running_loop().time()
            assert heard(await speak(pool, said("w1."), request=request)) == [1]
            assert asyncio.get_running_loop().time() - began_s < 5.0
    assert slow.opened
