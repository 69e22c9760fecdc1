"""How much of a reply has to be there before it sounds."""

from hypothesis import given
from hypothesis import strategies as st

from agent.lead import FIRST_LEAD_S, LONGEST_LEAD_S, Lead


def test_a_quick_worker_is_hardly_waited_for_and_a_slow_one_at_once() -> None:
    lead = Lead()
    assert lead.wanted_s(0.05) == FIRST_LEAD_S
    for _ in range(10):
        lead.reply_sounds(0.15)
        lead.more_came(0.2)
        lead.reply_ended()
    assert lead.wanted_s(0.05) < 0.1
    assert lead.wanted_s(0.3) > 0.4


def test_what_a_gap_would_have_needed_is_wanted_of_the_next_reply() -> None:
    lead = Lead()
    lead.reply_sounds(0.1)
    lead.more_came(-0.3)
    lead.reply_ended()
    assert lead.wanted_s(0.0) == 0.4


@given(st.lists(st.tuples(st.floats(0, 3), st.lists(st.floats(-10, 3)))), st.floats(0, 60))
def test_no_reply_is_held_back_for_long(
    replies: list[tuple[float, list[float]]], first_audio_s: float
) -> None:
    lead = Lead()
    for ahead_s, left in replies:
        lead.reply_sounds(ahead_s)
        for left_s in left:
            lead.more_came(left_s)
        lead.reply_ended()
        assert 0 <= lead.wanted_s(first_audio_s) <= LONGEST_LEAD_S
