"""How far ahead of the listener a reply is made."""

import asyncio

import pytest

from agent.playout.pacing import AHEAD_S, LONGEST_AHEAD_S, Pace


def wanted_at_s(takes_s: float, *, made_s: float = 10.0) -> float:
    """How much is left to hear of what was made when the next text is wanted."""

    async def run() -> float:
        pace = Pace()
        pace.asked("A clause.")
        pace.made(made_s)
        pace.spoken()
        waiting = asyncio.create_task(pace.wanted(takes_s=takes_s))
        tenths = 0
        while not waiting.done():
            tenths += 1
            pace.played_until(tenths / 10)
            for _ in range(3):
                await asyncio.sleep(0)
        return pace.ahead_s

    return asyncio.run(run())


@pytest.mark.parametrize("takes_s", [0.0, 0.1, 0.4, 0.75])
def test_where_workers_are_quick_little_is_made_ahead(takes_s: float) -> None:
    assert wanted_at_s(takes_s) == pytest.approx(AHEAD_S, abs=0.11)


@pytest.mark.parametrize(("takes_s", "ahead_s"), [(0.9, 1.8), (1.2, 2.4), (1.9, 3.8)])
def test_where_they_are_busy_the_next_clause_is_begun_sooner(
    takes_s: float, ahead_s: float
) -> None:
    assert wanted_at_s(takes_s) == pytest.approx(ahead_s, abs=0.11)


@pytest.mark.parametrize("takes_s", [2.1, 5.0, 60.0])
def test_no_more_is_made_than_that_however_busy_they_are(takes_s: float) -> None:
    """It would be thrown away where the person interrupts."""
    assert wanted_at_s(takes_s) == pytest.approx(LONGEST_AHEAD_S, abs=0.11)
