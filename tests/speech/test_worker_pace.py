"""A worker that has become slow is asked last, and tried again now and then."""

import asyncio
from random import Random

from parley.speech.balancing.picker import Candidate, pick
from parley.speech.balancing.worker_pace import FEWEST, TRIED_AGAIN_S, WorkerPace
from tests.speech.fake_worker import FakeWorker
from tests.speech.test_pool import pool_of, said, speak


def paces(*first_audio_s: float, clock: list[float]) -> list[WorkerPace]:
    made = [WorkerPace(clock=lambda: clock[0]) for _ in first_audio_s]
    for pace, value in zip(made, first_audio_s, strict=True):
        for _ in range(FEWEST):
            pace.note(value)
    return made


def test_only_what_is_much_slower_than_the_others_is_slow() -> None:
    usual, near, slow = paces(0.1, 0.14, 0.3, clock=[0.0])
    assert slow.is_slow([usual, near])
    assert not near.is_slow([usual, slow])
    assert not usual.is_slow([near, slow])


def test_milliseconds_are_no_difference() -> None:
    quick, other = paces(0.004, 0.01, clock=[0.0])
    assert not other.is_slow([quick])


def test_nobody_is_slow_alone_or_at_first() -> None:
    clock = [0.0]
    (slow,) = paces(3.0, clock=clock)
    assert not slow.is_slow([])
    assert not slow.is_slow([WorkerPace(clock=lambda: clock[0])])


def test_a_slow_worker_is_tried_again_and_known_by_one_answer() -> None:
    clock = [0.0]
    usual, slow = paces(0.1, 0.3, clock=clock)
    clock[0] = TRIED_AGAIN_S + 1
    usual.note(0.1)
    assert not slow.is_slow([usual])
    slow.note(0.3)
    assert slow.is_slow([usual])
    for _ in range(10):
        slow.note(0.1)
    assert not slow.is_slow([usual])


def test_a_slow_worker_helps_out_when_the_others_are_full() -> None:
    slow = Candidate(target="slow", slots=2, slow=True)
    for in_flight, expected in ((0, "quick"), (1, "quick"), (3, "slow")):
        quick = Candidate(target="quick", slots=2, own_in_flight=in_flight)
        picked = pick([slow, quick], random=Random(1))
        assert picked is not None
        assert picked.target == expected


async def test_the_pool_learns_from_first_audio_which_worker_is_slow() -> None:
    slow, *others = workers = [FakeWorker() for _ in range(3)]
    slow.first_audio_delay_s = 0.15
    async with pool_of(*workers) as pool:
        for _ in range(8):
            await asyncio.gather(*(speak(pool, said("w1.")) for _ in range(4)))
        learnt = len(slow.opened)
        for _ in range(20):
            await speak(pool, said("w1."))
    assert learnt >= FEWEST
    assert len(slow.opened) == learnt
    assert all(len(worker.opened) > learnt for worker in others)
