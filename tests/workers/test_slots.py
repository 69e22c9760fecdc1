"""Admission promises."""

import asyncio
import time

import grpc
import pytest
from google.rpc import error_details_pb2

from parley.telemetry.worker import first_audio_latency, synthesis_metrics
from workers.serving.admission import Slots
from workers.serving.errors import RequestError


async def _hold(slots: Slots, admitted: asyncio.Event, leave: asyncio.Event) -> None:
    async with slots.admitted():
        admitted.set()
        await leave.wait()


async def test_worker_refuses_beyond_its_slots_and_says_when_to_ask_again() -> None:
    slots = Slots(1, queue_wait_s=0.02)
    async with slots.admitted():
        with pytest.raises(RequestError) as refused:
            async with slots.admitted():
                pytest.fail("admitted beyond the slots")
    assert refused.value.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    (retry,) = refused.value.details
    assert isinstance(retry, error_details_pb2.RetryInfo)
    assert retry.retry_delay.ToMilliseconds() == 100


async def test_stream_waits_for_a_slot_that_gets_free_in_time() -> None:
    slots = Slots(1, queue_wait_s=5.0)
    admitted, leave = asyncio.Event(), asyncio.Event()
    holder = asyncio.create_task(_hold(slots, admitted, leave))
    await admitted.wait()
    second_admitted, second_leave = asyncio.Event(), asyncio.Event()
    waiter = asyncio.create_task(_hold(slots, second_admitted, second_leave))
    await asyncio.sleep(0)
    assert slots.queue_depth == 1
    exported = synthesis_metrics(slots, first_audio_latency())
    assert exported.get_sample_value("synthesis_queue_depth") == 1
    assert exported.get_sample_value("worker_utilization_percent") == 100
    leave.set()
    await second_admitted.wait()
    assert slots.queue_depth == 0
    second_leave.set()
    await asyncio.gather(holder, waiter)
    assert slots.in_flight == 0


async def test_queue_is_no_longer_than_the_slots() -> None:
    slots = Slots(1, queue_wait_s=60.0)
    admitted, leave = asyncio.Event(), asyncio.Event()
    holder = asyncio.create_task(_hold(slots, admitted, leave))
    await admitted.wait()
    waiter = asyncio.create_task(_hold(slots, asyncio.Event(), leave))
    await asyncio.sleep(0)
    assert slots.queue_depth == 1
    with pytest.raises(RequestError, match="taken"):
        async with slots.admitted():
            pytest.fail("waited in a full queue")
    leave.set()
    await asyncio.gather(holder, waiter)


async def test_cancelled_stream_frees_its_slot_and_its_place_in_the_queue() -> None:
    slots = Slots(1, queue_wait_s=60.0)
    admitted = asyncio.Event()
    holder = asyncio.create_task(_hold(slots, admitted, asyncio.Event()))
    await admitted.wait()
    waiter = asyncio.create_task(_hold(slots, asyncio.Event(), asyncio.Event()))
    await asyncio.sleep(0)
    assert slots.queue_depth == 1
    waiter.cancel()
    await asyncio.gather(waiter, return_exceptions=True)
    assert slots.queue_depth == 0
    holder.cancel()
    await asyncio.gather(holder, return_exceptions=True)
    async with slots.admitted() as waited_s:
        assert slots.in_flight == 1
        assert waited_s < 1.0
    await asyncio.wait_for(slots.idle(), 60)


async def test_draining_worker_admits_nothing_and_lets_running_streams_finish() -> None:
    slots = Slots(2, queue_wait_s=0.0)
    async with slots.admitted():
        slots.close()
        with pytest.raises(RequestError) as refused:
            async with slots.admitted():
                pytest.fail("admitted while draining")
        assert refused.value.code is grpc.StatusCode.UNAVAILABLE
        assert slots.in_flight == 1
    await asyncio.wait_for(slots.idle(), 60)


async def test_before_any_work_has_ended_it_is_known_how_long_it_takes_by_now() -> None:
    slots = Slots(2, queue_wait_s=0.0)
    assert slots.recent_work_s == 0.0
    async with slots.by_text() as turns, turns.working():
        began_s = time.monotonic()
        await asyncio.sleep(0.02)
        assert 0.015 <= slots.recent_work_s <= time.monotonic() - began_s + 0.5
    assert slots.recent_work_s >= 0.015
    assert slots.in_flight == 0
