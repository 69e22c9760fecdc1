"""When a call counts as having lost its agent, on a turned clock."""

import pytest

from gateway.calls.lost_agents import (
    DECLINED_S,
    GONE_S,
    MOST_DISPATCHES,
    STARTING_S,
    UNTAKEN_S,
    WITHIN_S,
    CallLooks,
)


def lost_after_s(call: CallLooks, *, taken: bool, dispatch: str = "d1") -> float:
    """How long a person must be alone; in looks of half a second, from 100 s on."""
    for half_seconds in range(200):
        now_s = 100 + half_seconds / 2
        assert call.look(now_s, has_person=True, has_agent=False)
        if call.has_lost_agent(now_s, dispatch=dispatch, is_taken=taken):
            return now_s - 100
    raise AssertionError("never")


@pytest.mark.parametrize(
    "looks_s", [[1.0], [99.5], [0.0, 0.5, 60.0], [float(n) for n in range(99)]]
)
def test_an_agent_that_was_there_is_lost_within_a_second(looks_s: list[float]) -> None:
    call = CallLooks()
    for at_s in looks_s:
        assert not call.look(at_s, has_person=True, has_agent=True)
    assert lost_after_s(call, taken=True) == GONE_S


def test_one_that_has_not_come_yet_is_waited_for_longer_if_somebody_has_taken_the_call() -> None:
    assert lost_after_s(CallLooks(), taken=False) == UNTAKEN_S
    assert lost_after_s(CallLooks(), taken=True) == STARTING_S


def test_one_whose_job_is_said_to_have_died_is_not_waited_for() -> None:
    call = CallLooks()
    call.look(1.0, has_person=True, has_agent=False)
    assert call.has_lost_agent(1.0, dispatch="d1", is_taken=True, has_died=True)


def test_an_agent_that_comes_back_at_once_was_not_lost() -> None:
    call = CallLooks()
    call.look(0.0, has_person=True, has_agent=True)
    assert call.look(0.5, has_person=True, has_agent=False)
    assert not call.has_lost_agent(0.5, dispatch="d1", is_taken=True)
    assert not call.look(1.0, has_person=True, has_agent=True)
    assert call.look(1.5, has_person=True, has_agent=False)
    assert not call.has_lost_agent(1.5, dispatch="d1", is_taken=True)


def test_nobody_is_alone_in_a_room_without_a_person() -> None:
    call = CallLooks()
    call.look(0.0, has_person=True, has_agent=True)
    assert not call.look(50.0, has_person=False, has_agent=False)


def test_after_a_dispatch_its_agent_is_given_time() -> None:
    call = CallLooks()
    call.look(0.0, has_person=True, has_agent=True)
    assert lost_after_s(call, taken=True) == GONE_S
    call.dispatched(100 + GONE_S, dispatch="d2")
    assert not call.has_lost_agent(103.0, dispatch="d2", is_taken=True)


def test_a_dispatch_of_another_gateway_is_waited_for_like_ones_own() -> None:
    call = CallLooks()
    call.look(0.0, has_person=True, has_agent=True)
    call.look(0.5, has_person=True, has_agent=False)
    call.has_lost_agent(0.5, dispatch="d1", is_taken=True)
    call.look(2.0, has_person=True, has_agent=False)
    assert not call.has_lost_agent(2.0, dispatch="d2", is_taken=False)
    assert len(call.dispatched_at_s) == 1


def test_three_agents_in_a_minute_are_the_most() -> None:
    call = CallLooks()
    for n in range(MOST_DISPATCHES):
        call.has_lost_agent(10.0 * n, dispatch=f"d{n}", is_taken=True)
        assert call.may_dispatch(10.0 * n)
        call.dispatched(10.0 * n, dispatch=f"d{n + 1}")
    assert not call.may_dispatch(10.0 * MOST_DISPATCHES)
    assert not call.may_dispatch(WITHIN_S)
    assert call.may_dispatch(WITHIN_S + 1)


def test_who_waits_for_a_place_is_never_given_up() -> None:
    call = CallLooks()
    for n in range(10):
        call.has_lost_agent(10.0 * n, dispatch=f"d{n}", is_taken=False)
        assert call.may_dispatch(10.0 * n)
        call.dispatched(10.0 * n, dispatch=f"d{n + 1}")


def test_a_call_that_all_have_declined_is_given_an_agent_soon() -> None:
    call = CallLooks()
    call.look(100.0, has_person=True, has_agent=False)
    lost = {
        now_s: call.has_lost_agent(now_s, dispatch="d1", is_taken=False, untaken_s=DECLINED_S)
        for now_s in (100.0, 100.0 + DECLINED_S)
    }
    assert list(lost.values()) == [False, True]
