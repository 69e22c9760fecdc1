"""How much of a reply has to be there before it sounds."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.playout.prebuffer import (
    FIRST_LEAD_S,
    LONGEST_LEAD_S,
    STARVED,
    Prebuffer,
    cpu_pressure,
    pressure_file,
)
from parley.control_group import own_groups


def test_on_a_quiet_machine_the_wish_fades_and_on_a_starved_one_it_is_there_at_once() -> None:
    lead = Prebuffer()
    lead.reply_sounds(0.1)
    lead.more_came(-0.3)
    lead.reply_ended()
    for _ in range(10):
        lead.reply_sounds(0.15)
        lead.more_came(0.2)
        lead.reply_ended()
    assert lead.wanted_s(pressure=0.0) < 0.02
    assert lead.wanted_s(pressure=STARVED) == LONGEST_LEAD_S


def test_a_greeting_that_flowed_leaves_nothing_to_wait_for() -> None:
    lead = Prebuffer()
    assert lead.wanted_s(pressure=0.0) == FIRST_LEAD_S
    lead.reply_sounds(0.3)
    lead.more_came(0.35)
    lead.reply_ended()
    assert lead.wanted_s(pressure=0.0) == 0.0


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


def psi(percent: float) -> str:
    rest = "avg60=0.00 avg300=0.00 total=1"
    return f"some avg10={percent:.2f} {rest}\nfull avg10=0.00 {rest}\n"


@pytest.mark.parametrize(
    ("membership", "folder"),
    [
        ("0::/\n", ""),  # as a container sees itself
        ("0::/user.slice/session-3.scope\n", "user.slice/session-3.scope"),
        ("4:memory:/a\n1:cpu:/b\n0::/system.slice/parley.service\n", "system.slice/parley.service"),
    ],
)
def test_in_a_container_its_own_pressure_counts(
    tmp_path: Path, membership: str, folder: str
) -> None:
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    (tmp_path / folder / "cpu.pressure").write_text(psi(12.5))
    (tmp_path / "own").write_text(membership)
    found = pressure_file(own_groups(tmp_path, tmp_path / "own"))
    assert found == tmp_path / folder / "cpu.pressure"
    assert cpu_pressure(found) == 0.125


@pytest.mark.parametrize("membership", ["", "0::/gone\n", "1:cpu:/docker/a\n", None])
def test_without_a_group_of_its_own_it_is_the_machines(
    tmp_path: Path, membership: str | None
) -> None:
    if membership is not None:
        (tmp_path / "own").write_text(membership)
    assert pressure_file(own_groups(tmp_path, tmp_path / "own")) == Path("/proc/pressure/cpu")


@pytest.mark.parametrize("told", ["", "some", "some avg10=x", "some avg60=1.00"])
def test_a_pressure_that_makes_no_sense_is_none(tmp_path: Path, told: str) -> None:
    (tmp_path / "cpu.pressure").write_text(told)
    assert cpu_pressure(tmp_path / "cpu.pressure") == 0.0
    assert cpu_pressure(tmp_path / "missing") == 0.0
