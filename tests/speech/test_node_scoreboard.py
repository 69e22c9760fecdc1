"""What one call of a node saw, its other calls know; what it has at a worker, they count."""

import asyncio
import signal
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

import pytest

from bench.scoreboard import SLOW_SHARE, FleetLoad, measure
from bench.scoreboard_fleet import QUICK_S, SLOW_S
from parley.speech.balancing.circuit_breaker import FIRST_REST_S, TRIAL_S, CircuitBreaker
from parley.speech.balancing.hedging import HEDGED_SHARE, HedgeBudget
from parley.speech.balancing.picker import pick
from parley.speech.balancing.worker_pace import FEWEST, TRIED_AGAIN_S, WorkerPace, slow_among
from testkit.fake_clock_loop import FakeClockLoop
from tests.speech.nodes import at, call_on, job_process, node_running, until


@pytest.mark.parametrize("count", [1, 10, 40])
async def test_a_call_knows_the_workers_at_once_and_asks_none(tmp_path: Path, count: int) -> None:
    async with node_running(tmp_path) as fleet:
        asked = sum(worker.asked for worker in fleet.workers.values())
        async with AsyncExitStack() as calls:
            boards = [await calls.enter_async_context(call_on(fleet)) for _ in range(count)]
            for board in boards:
                assert {each.target for each in board.candidates()} == set(fleet.workers)
                assert all(each.slots == 8 for each in board.candidates())
                assert not board.stands_in
        # The node's own rounds may have come meanwhile; calls that ask would make three each.
        asked = sum(worker.asked for worker in fleet.workers.values()) - asked
        assert asked <= 2 * len(fleet.workers) or asked < count * len(fleet.workers) / 3


async def test_a_worker_lost_by_one_call_is_avoided_by_another(tmp_path: Path) -> None:
    async with node_running(tmp_path) as fleet, call_on(fleet) as one, call_on(fleet) as other:
        target = next(iter(fleet.workers))
        one.lost(target)
        assert not at(one, target).circuit_closed  # without a way to the server and back
        await until(other, lambda: not at(other, target).circuit_closed)
        assert at(other, target).on_trial
        for _ in range(20):
            picked = pick(other.candidates(), random=Random(1))
            assert picked is not None
            assert picked.target != target
        await until(other, lambda: at(other, target).circuit_closed)  # it has rested
        with other.call(target):
            await until(one, lambda: not at(one, target).circuit_closed)  # one tries it
            other.answered(target)
            await until(one, lambda: at(one, target).circuit_closed)
            assert not at(one, target).on_trial


async def test_the_calls_of_a_node_count_each_others_load_and_their_own_once(
    tmp_path: Path,
) -> None:
    async with node_running(tmp_path) as fleet, call_on(fleet) as one, call_on(fleet) as other:
        target = next(iter(fleet.workers))
        with one.call(target) as call:
            seen = []
            while at(other, target).own_in_flight != 1:
                seen.append(at(one, target).own_in_flight)
                await other.updated()
            seen.append(at(one, target).own_in_flight)
            assert set(seen) == {1}
            call.keeps_busy(False)
            assert at(one, target).own_in_flight == 0
            assert at(one, target).own_open == 1
            await until(other, lambda: at(other, target).own_in_flight == 0)
            assert at(other, target).own_open == 1
        await until(other, lambda: at(other, target).own_open == 0)
        assert at(one, target).own_open == 0


async def test_a_killed_job_leaves_no_load_behind(tmp_path: Path) -> None:
    async with node_running(tmp_path) as fleet, call_on(fleet) as other:
        target = next(iter(fleet.workers))
        async with job_process(fleet.paths[0], target) as job:
            await until(other, lambda: at(other, target).own_open == 1)
            job.send_signal(signal.SIGKILL)
            await until(other, lambda: at(other, target).own_open == 0)
            assert at(other, target).own_in_flight == 0


@pytest.mark.parametrize(("place", "times"), [(0, 1.0), (1, 1.5), (2, 4.0)])
async def test_a_slow_worker_is_known_to_a_call_that_has_not_spoken(
    tmp_path: Path, place: int, times: float
) -> None:
    async with node_running(tmp_path) as fleet, call_on(fleet) as one:
        others = list(fleet.workers)
        slow = others.pop(place)
        for _ in range(FEWEST):
            one.sounded(slow, times * SLOW_S)
            one.sounded(others[0], QUICK_S)
        await until(one, lambda: at(one, slow).slow)
        async with call_on(fleet) as fresh:
            assert at(fresh, slow).slow
            assert not any(at(fresh, other).slow for other in others)


async def test_a_hedge_is_possible_in_a_call_s_first_reply_and_paid_for_by_the_node(
    tmp_path: Path,
) -> None:
    replies = round(1 / HEDGED_SHARE) + 1
    async with node_running(tmp_path) as fleet, AsyncExitStack() as calls:
        boards = [await calls.enter_async_context(call_on(fleet)) for _ in range(10)]
        for number in range(replies):
            boards[number % 10].earn_hedge()
        await until(boards[0], lambda: boards[0].hedges >= 1)
        async with call_on(fleet) as fresh:
            assert fresh.spend_hedge()
            assert not fresh.spend_hedge()
            for board in boards:
                await until(board, lambda: board.hedges < 1)  # noqa: B023 - of this turn
                assert not board.spend_hedge()


def test_hedges_that_started_together_are_paid_for_later() -> None:
    budget = HedgeBudget()
    for _ in range(round(1 / HEDGED_SHARE) + 1):
        budget.earn()
    for _ in range(3):  # three calls that saw the same one
        budget.owe()
    for _ in range(round(2 / HEDGED_SHARE)):
        budget.earn()
    assert not budget.spend()


def test_many_calls_that_lose_a_worker_together_lose_it_once() -> None:
    now = [0.0]
    circuit = CircuitBreaker(clock=lambda: now[0])
    for _ in range(20):
        circuit.lost()
    now[0] += FIRST_REST_S
    assert circuit.closed
    circuit.begin()
    assert not circuit.closed
    for _ in range(20):  # the trial fails, and what was begun before
        circuit.lost()
    now[0] += 2 * FIRST_REST_S
    assert circuit.closed
    circuit.begin()
    now[0] += TRIAL_S
    assert circuit.closed


def test_one_call_tries_a_slow_worker_again_and_what_it_hears_counts() -> None:
    now = [0.0]
    slow, usual = (WorkerPace(clock=lambda: now[0]) for _ in range(2))
    for _ in range(FEWEST):
        slow.note(SLOW_S)
        usual.note(QUICK_S)
    for first_audio_s, expected in ((SLOW_S, True), (QUICK_S, False)):
        now[0] += TRIED_AGAIN_S + 1
        usual.note(QUICK_S)
        assert not slow.is_slow([usual])
        slow.begin()
        assert slow.is_slow([usual])  # to all others
        now[0] += first_audio_s
        slow.note(first_audio_s)
        assert slow.is_slow([usual]) is expected


def test_who_is_slow_among_many_is_who_is_slow_against_all_others() -> None:
    random = Random(1)
    for count in (*range(8), 25):
        paces = {str(n): WorkerPace(clock=lambda: 0.0) for n in range(count)}
        for pace in paces.values():
            for _ in range(FEWEST * (random.random() < 0.8)):
                pace.note(random.choice((0.1, 0.12, 0.3, 0.6)))
        slow = {
            name
            for name, pace in paces.items()
            if pace.is_slow(other for other in paces.values() if other is not pace)
        }
        assert slow_among(paces) == slow


def test_the_bench_measures_many_calls_over_the_scoreboard(tmp_path: Path) -> None:
    """Of `./run bench scoreboard` the short form, in which time is turned."""
    load = FleetLoad(calls=40, workers=4, nodes=2, reply_every_s=4.0)
    with asyncio.Runner(loop_factory=FakeClockLoop) as runner:
        figures = runner.run(measure("short", load, tmp_path, for_s=30.0))
    assert figures.replies > 150
    assert figures.slow_share < SLOW_SHARE
    # Once a second from each node, whatever the calls; 40 that ask themselves would ask 40 times.
    assert 0 < figures.status_per_worker <= 1.1 * load.nodes
