"""Who takes over waits for the end of a turn as it declares, in the framework's real session."""

from types import SimpleNamespace
from typing import Literal

import pytest

from agent.session import endpointing
from agent.turn_waits import TurnWaits
from agent.turns.barge_in import BargeIn
from agent.turns.end_of_turn import WHOLE_S
from agent.turns.floor import FloorPolicy
from dialogue.text.languages.english import LANGUAGE as ENGLISH
from parley import Agent
from parley.settings.turn import TurnSection
from tests.agent.test_decision_times import SlowVoice
from tests.agent.test_framework_contract import talk_with

ENGLISH_SPEECH = SimpleNamespace(language=ENGLISH)


@pytest.mark.parametrize(
    ("minimum_s", "maximum_s", "mode"),
    [(0.1, 0.7, "fixed"), (0.5, 3.0, "dynamic"), (1, 1, "fixed")],
)
async def test_who_takes_over_may_wait_longer_or_shorter_for_the_end_of_a_turn(
    minimum_s: float, maximum_s: float, mode: Literal["fixed", "dynamic"]
) -> None:
    turn = TurnSection(
        end_of_turn="detector",
        endpointing=mode,
        endpointing_min_delay_s=minimum_s,
        endpointing_max_delay_s=maximum_s,
    )
    async with talk_with(Agent()) as talk:
        talk.session.update_options(endpointing_opts=endpointing(turn))
        taken = talk.session.options.endpointing
        assert {key: taken[key] for key in ("mode", "min_delay", "max_delay")} == endpointing(turn)
        await talk.session.generate_reply(user_input="Hello.", input_modality="text")
        assert talk.voice.texts


@pytest.mark.parametrize(
    ("mode", "wanted_s"),
    [("dynamic", {"first": 0.85, "slow": 0.9, "hasty": 0.5}), ("fixed", {"first": 0.3})],
)
async def test_who_was_cut_off_is_waited_for_whoever_speaks(
    mode: Literal["fixed", "dynamic"], wanted_s: dict[str, float]
) -> None:
    def turn(minimum_s: float, maximum_s: float) -> TurnSection:
        return TurnSection(
            end_of_turn="detector",
            endpointing=mode,
            endpointing_min_delay_s=minimum_s,
            endpointing_max_delay_s=maximum_s,
        )

    agents = {"first": turn(0.3, 2.5), "slow": turn(0.9, 2.5), "hasty": turn(0.2, 0.5)}
    async with talk_with(Agent()) as talk:
        talk.session.update_options(endpointing_opts=endpointing(agents["first"]))
        barge_in = BargeIn(SlowVoice(0.0), policy=FloorPolicy(), on_yield=lambda cut: None)
        waits = TurnWaits(agents["first"], talk.session, barge_in, None, ENGLISH_SPEECH)
        person = barge_in.cut_offs
        person.reply_sounds(at_s=100.5, spoke_s=100.0)
        person.person_takes_floor(100.6)
        for name, expected_s in wanted_s.items():
            waits.judge_by(agents[name])
            taken = talk.session.options.endpointing
            assert taken["min_delay"] == pytest.approx(expected_s)
            assert taken["max_delay"] == agents[name].endpointing_max_delay_s


@pytest.mark.parametrize(("mode", "open_s"), [("dynamic", 1.0), ("fixed", 0.3)])
async def test_words_that_want_more_are_waited_for(
    mode: Literal["fixed", "dynamic"], open_s: float
) -> None:
    turn = TurnSection(end_of_turn="detector", endpointing=mode)
    heard = [
        ("I would like to book a table", 0.3),
        ("I would like to book a table for", open_s),
        ("I would like to book a table for Friday.", 0.3),
        ("We could meet on Tuesday or.", open_s),  # as recognition closes what is open
        ("", 0.3),
        ("My phone number is 555", open_s),
        ("Yes,", 0.3),
        ("Can you tell me what a lighthouse is for?", 0.3),
        ("What is it for?", 0.3),
        ("Who’s it from?", 0.3),
        ("Can you book a table for?", open_s),  # a question mark is recognition's guess
        ("I'd like, um", open_s),
    ]
    async with talk_with(Agent()) as talk:
        talk.session.update_options(endpointing_opts=endpointing(turn))
        barge_in = BargeIn(SlowVoice(0.0), policy=FloorPolicy(), on_yield=lambda cut: None)
        waits = TurnWaits(turn, talk.session, barge_in, None, ENGLISH_SPEECH)
        for text, wanted_s in heard:
            waits.heard(text)
            assert talk.session.options.endpointing["min_delay"] == wanted_s, text


@pytest.mark.parametrize(("mode", "whole_s"), [("dynamic", WHOLE_S), ("fixed", 2.5)])
async def test_whole_words_are_waited_for_less_long_however_unfinished_they_sound(
    mode: Literal["fixed", "dynamic"], whole_s: float
) -> None:
    turn = TurnSection(end_of_turn="detector", endpointing=mode)
    heard = [
        ("I would like to book a table for", 2.5),
        ("I would like to book a table for Friday.", whole_s),
        ("What is the capital of Australia?", whole_s),
        ("I'd like two coffees,", 2.5),
        ("We could meet on Tuesday or.", 2.5),
        ("I'd like two coffees", 2.5),
    ]
    async with talk_with(Agent()) as talk:
        talk.session.update_options(endpointing_opts=endpointing(turn))
        barge_in = BargeIn(SlowVoice(0.0), policy=FloorPolicy(), on_yield=lambda cut: None)
        waits = TurnWaits(turn, talk.session, barge_in, None, ENGLISH_SPEECH)
        for text, wanted_s in heard:
            waits.heard(text)
            assert talk.session.options.endpointing["max_delay"] == wanted_s, text
