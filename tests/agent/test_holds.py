"""Who silences the reply has it silent until they let it go, whatever else is asked meanwhile."""

import asyncio

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.agent.test_playout import LEVEL, WORD_S, Call, loud, on_a_turned_clock

OWNERS = ("floor", "line", "network")
STEPS = st.one_of(
    st.tuples(st.sampled_from(("hold", "release")), st.sampled_from(OWNERS)),
    st.tuples(st.sampled_from(("pause", "resume")), st.just("framework")),
)
STEP_S = 0.15
WORDS = 20


@given(st.lists(STEPS, max_size=16))
@example([("hold", "floor"), ("resume", "framework"), ("release", "line"), ("pause", "framework")])
@example([("pause", "framework"), ("hold", "line"), ("hold", "line"), ("release", "line")])
@example([("release", "floor"), ("hold", "network"), ("hold", "floor"), ("release", "network")])
@settings(max_examples=25, deadline=None)
def test_a_reply_sounds_exactly_while_nobody_holds_it_and_no_word_is_lost(
    steps: list[tuple[str, str]],
) -> None:
    async def scenario(call: Call) -> None:
        speaking = asyncio.create_task(call.reply(WORDS))
        await call.at(0.3)
        holders: set[str] = set()
        for number, (step, owner) in enumerate(steps, start=1):
            match step:
                case "hold":
                    call.playout.hold(owner)
                    holders.add(owner)
                case "release":
                    call.playout.release(owner)
                    holders.discard(owner)
                case "pause":
                    call.playout.pause()
                case "resume":
                    call.playout.resume()
            played_s = call.playout.played_s
            await call.at(0.3 + number * STEP_S)
            assert (call.playout.played_s > played_s + STEP_S / 2) == (not holders)
        for owner in OWNERS:
            call.playout.release(owner)
        heard = await call.end()
        await speaking
        levels = np.unique(loud(heard))
        assert [n for n in levels if n >= LEVEL] == [LEVEL + n for n in range(WORDS)]
        assert call.finished[0].playback_position == pytest.approx(WORDS * WORD_S, abs=0.01)
        assert not call.finished[0].interrupted

    on_a_turned_clock(scenario)
