"""How much of a reply has to be there before it sounds."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.playout.prebuffer import FIRST_LEAD_S, LONGEST_LEAD_S, STARVED, Prebuffer, cpu_pressure


def test_on_a_quiet_machine_the_wish_fades_and_on_a_starved_one_it_is_there_at_once() -> None:
    lead = Prebuffer()
    assert lead.wanted_s(pressure=0.0) == FIRST_LEAD_S
    for _ in range(10):
        lead.reply_sounds(0.15)
        lead.more_came(0.2)
        lead.reply_ended()
    assert lead.wanted_s(pressure=0.0) < 0.02
    assert lead.wanted_s(pressure=STARVED) == LONGEST_LEAD_S


def test_what_a_gap_would_have_needed_is_wanted_of_the_next_reply() -> None:
    lead = Prebuffer()
    lead.reply_sounds(0.1)
    lead.more_came(-0.3)
    lead.reply_ended()
    assert lead.wanted_s(pressure=0.0) == 0.4


@given(st.lists(st.tuples(st.floats(0, 3), st.lists(st.floats(-10, 3)))), st.floats(0, 1))
def test_no_reply_is_held_back_for_long(
    replies: list[tuple[float, list[float]]], pressure: float
) -> None:
    lead = Prebuffer()
    for ahead_s, left in replies:
        lead.reply_sounds(ahead_s)
        for left_s in left:
            lead.more_came(left_s)
        lead.reply_ended()
        assert 0 <= lead.wanted_s(pressure=pressure) <= LONGEST_LEAD_S


@pytest.mark.skipif(not Path("/proc/pressure/cpu").exists(), reason="this kernel has no PSI")
def test_the_kernel_tells_the_pressure() -> None:
    assert 0 <= cpu_pressure() <= 1
