"""Decision to silence is measured to the last audible sample, where there was one."""

import asyncio

import numpy as np
import pytest
from prometheus_client import REGISTRY

from agent.playout.output import NATIVE_TICK_S, RAMP_S
from agent.playout.silence_metric import count_silencing
from tests.agent.test_playout import RATE_HZ, Call, on_a_turned_clock


def silences() -> tuple[float, float]:
    """How many were measured from decision to silence, and their seconds."""
    labels = {"stage": "decision_to_silence"}
    name = "barge_in_latency_seconds"
    counted, seconds = (
        REGISTRY.get_sample_value(f"{name}_{of}", labels) for of in ("count", "sum")
    )
    return counted or 0.0, seconds or 0.0


def test_silence_is_measured_from_the_decision_to_the_last_audible_sample() -> None:
    async def scenario(call: Call) -> None:
        count, seconds = silences()
        speaking = asyncio.create_task(call.reply(12))
        await call.at(1.0)
        decided_s = call.loop.time()
        await call.at(1.02)  # what judging it took
        call.playout.hold("test")
        await call.at(1.5)  # and its confirmation: silent by then
        count_silencing(call.playout.silencing, decided_s=decided_s)
        call.playout.clear_buffer()
        speaking.cancel()
        heard = await call.end()
        last = int(np.flatnonzero(heard)[-1]) + 1
        assert silences()[0] == count + 1
        at_the_latest_s = last / RATE_HZ - decided_s + NATIVE_TICK_S
        assert silences()[1] - seconds == pytest.approx(at_the_latest_s, abs=0.001)

    on_a_turned_clock(scenario)


def test_a_source_that_takes_the_last_samples_late_is_measured_too() -> None:
    async def scenario(call: Call) -> None:
        count, seconds = silences()
        speaking = asyncio.create_task(call.reply(12))
        await call.at(1.0)
        call.ear.takes_s = 0.04
        call.playout.hold("test")
        count_silencing(call.playout.silencing, decided_s=1.0)  # yielded at once
        call.playout.clear_buffer()
        speaking.cancel()
        await call.end()
        assert silences()[0] == count + 1
        assert silences()[1] - seconds == pytest.approx(0.04 + NATIVE_TICK_S + RAMP_S, abs=0.001)

    on_a_turned_clock(scenario)


@pytest.mark.parametrize("holds", [[(0.5, 0.9)], [(0.2, 0.25), (0.4, 3.0)], [(0.9, 0.91)]])
def test_a_hold_that_is_taken_back_is_no_silence_of_a_barge_in(
    holds: list[tuple[float, float]],
) -> None:
    async def scenario(call: Call) -> None:
        before = silences()
        speaking = asyncio.create_task(call.reply(4))
        for from_s, to_s in holds:
            await call.at(from_s)
            call.playout.hold("test")
            await call.at(to_s)
            call.playout.release("test")
        await speaking
        await call.end()
        assert silences() == before

    on_a_turned_clock(scenario)


def test_where_nothing_sounded_no_silence_is_measured() -> None:
    async def scenario(call: Call) -> None:
        before = silences()
        speaking = asyncio.create_task(call.reply(2))
        await call.at(0.2)
        call.playout.hold("test")  # which sounds, and is taken back
        call.playout.release("test")
        await speaking
        await call.playout.wait_for_playout()
        call.playout.hold("test")  # the next reply is still being made
        count_silencing(call.playout.silencing, decided_s=call.loop.time())
        await call.end()
        assert silences() == before

    on_a_turned_clock(scenario)
