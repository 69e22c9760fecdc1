"""What was played while nothing reached the person does not count as heard, and is said again."""

import asyncio

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.playout.positions import KEPT_S
from tests.agent.test_playout import LEVEL, WORD_S, Call, loud, on_a_turned_clock


@given(cut_s=st.floats(0.2, 2.6), noticed_s=st.floats(0.3, 1.3), away_s=st.floats(0.0, 20.0))
@settings(max_examples=30, deadline=None)
def test_of_what_was_played_to_nobody_nothing_is_lost_and_it_is_not_heard(
    cut_s: float, noticed_s: float, away_s: float
) -> None:
    words = 16

    async def scenario(call: Call) -> None:
        speaking = asyncio.create_task(call.reply(words))
        await call.at(cut_s)
        played_s = call.playout.played_s
        await call.at(cut_s + noticed_s)
        call.playout.hold_since("line", cut_s)
        assert call.playout.played_s == pytest.approx(played_s, abs=0.002)
        near = {heard_words(played_s + off_s) for off_s in (-0.002, 0.002)}  # on the edge: either
        assert call.transcript in {"".join(f"w{n} " for n in range(count)) for count in near}
        resumed_s = cut_s + noticed_s + away_s
        await call.at(resumed_s)
        call.playout.release("line")
        heard = await call.end()
        await speaking
        place = round(resumed_s * 16000)
        received = np.concatenate([heard[: round(cut_s * 16000)], heard[place:]])
        levels = [level for level in np.unique(loud(received)) if level >= LEVEL]
        assert levels == [LEVEL + n for n in range(words)]
        assert len(loud(received)) == pytest.approx(words * WORD_S * 16000, abs=200)
        assert call.transcript == "".join(f"w{n} " for n in range(words))
        assert call.finished[0].playback_position == pytest.approx(words * WORD_S, abs=0.01)

    on_a_turned_clock(scenario)


@pytest.mark.parametrize("lost_before_end_s", [0.1, 0.5, 1.2])
def test_the_end_of_a_reply_that_is_doubted_is_said_again(lost_before_end_s: float) -> None:
    async def scenario(call: Call) -> None:
        call.playout.may_end = lambda: False
        await asyncio.wait_for(call.reply(6), 60)
        end_s = 6 * WORD_S
        await call.at(end_s + 0.7)
        assert call.finished == []
        call.playout.hold_since("line", end_s - lost_before_end_s)
        assert call.playout.played_s == pytest.approx(end_s - lost_before_end_s, abs=0.05)
        await call.at(end_s + 5.0)
        call.playout.may_end = lambda: True
        call.playout.release("line")
        heard = await call.end()
        again = heard[round((end_s + 5.0) * 16000) :]
        assert len(loud(again)) == pytest.approx(lost_before_end_s * 16000, abs=800)
        assert call.transcript == "".join(f"w{n} " for n in range(6))
        assert len(call.finished) == 1

    on_a_turned_clock(scenario)


def test_a_reply_cut_while_it_is_held_ends_where_the_person_lost_it() -> None:
    async def scenario(call: Call) -> None:
        speaking = asyncio.create_task(call.reply(40))
        await call.at(3.0)
        played_s = call.playout.played_s
        await call.at(4.2)
        call.playout.hold_since("line", 3.0)
        call.playout.clear_buffer()
        speaking.cancel()
        await call.end()
        expected = "".join(f"w{n} " for n in range(heard_words(played_s)))
        assert call.finished[0].synchronized_transcript == call.transcript == expected

    on_a_turned_clock(scenario)


def test_it_goes_back_no_further_than_is_kept() -> None:
    async def scenario(call: Call) -> None:
        speaking = asyncio.create_task(call.reply(60))
        await call.at(9.0)
        played_s = call.playout.played_s
        call.playout.hold_since("line", 0.5)
        assert played_s - call.playout.played_s == pytest.approx(KEPT_S, abs=0.4)
        call.playout.release("line")
        await call.end()
        await speaking
        assert call.transcript == "".join(f"w{n} " for n in range(60))

    on_a_turned_clock(scenario)


def test_who_has_the_floor_is_not_asked() -> None:
    """A cut while the person is being judged: the voice is silent until both let it go."""

    async def scenario(call: Call) -> None:
        speaking = asyncio.create_task(call.reply(12))
        await call.at(1.0)
        call.playout.hold("floor")
        await call.at(1.8)
        call.playout.hold_since("line", 0.8)
        call.playout.release("floor")
        await call.at(4.0)
        assert not loud(call.ear.heard()[round(1.01 * 16000) :]).size
        call.playout.release("line")
        await call.end()
        await speaking
        assert call.transcript == "".join(f"w{n} " for n in range(12))

    on_a_turned_clock(scenario)


def heard_words(played_s: float) -> int:
    """A word counts as heard when 0.6 of it has been played."""
    return sum(played_s >= (n + 0.6) * WORD_S for n in range(100))
