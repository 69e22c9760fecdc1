"""When a person's turn is taken for ended, on a turned clock."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from agent.turns.end_of_turn import (
    WHOLE_S,
    EndOfTurnPolicy,
    OwnPauses,
    TurnPause,
    silence_needed_s,
)
from agent.turns.turn_ends import (
    EVIDENCE_S,
    GOES_ON_S,
    LAST_AFTER_S,
    LAST_LATEST_S,
    MURMUR_S,
    TEXT_PATIENCE_S,
    TurnEnds,
)
from agent.turns.turn_words import TurnWordsHeard
from dialogue.text.languages.english import LANGUAGE as ENGLISH
from parley.audio import Samples
from testkit.fake_clock_loop import FakeClockLoop

WINDOW_S = 0.032
SURE, UNSURE = 0.97, 0.03
POLICY = EndOfTurnPolicy(probability=0.5, shortest_s=0.15, longest_s=2.5)


@dataclass
class Mouth:
    """A person who speaks on the loop's clock, and v1-mini's opinion of it."""

    last_spoke_s: float = 0.0
    agent_has_floor: bool = False
    opinion: float = 0.5
    busy: float = 0.0
    ended_at_s: list[float] = field(default_factory=list)
    guessed_at_s: list[float] = field(default_factory=list)
    asked: list[tuple[float, Samples]] = field(default_factory=list)
    """After how much silence v1-mini was asked, and what it was shown."""

    def predict(self, pcm: Samples) -> float:
        now_s = asyncio.get_running_loop().time()
        self.asked.append((round(now_s - self.last_spoke_s, 2), pcm))
        return self.opinion


class Talk:
    def __init__(self, mouth: Mouth, *, asked: bool = False) -> None:
        self._clock = asyncio.get_running_loop().time
        self.mouth = mouth
        mouth.last_spoke_s = self._clock()
        self.turn_ends = TurnEnds(
            POLICY,
            mouth,
            language=lambda: ENGLISH,
            asked=lambda: asked,
            on_end=lambda: mouth.ended_at_s.append(self._clock()),
            guess_is_worth=lambda likely: likely > mouth.busy,
            detector=mouth,
            clock=self._clock,
        )
        self.marks = False
        """Whether silence is told apart from voice, by ones."""
        self.turn_ends.on_guess = lambda: mouth.guessed_at_s.append(self._clock())

    async def says(self, for_s: float) -> None:
        await self._frames(for_s, voiced=True)

    async def pauses(self, for_s: float) -> None:
        await self._frames(for_s, voiced=False)

    def recognized(self, text: str, *, sounds_finished: float | None = None) -> bool:
        """Whether an answer may be begun at once."""
        return self.turn_ends.push_preflight(text, sounds_finished)

    @property
    def ended_after_s(self) -> list[float]:
        """Silence after which turns were ended, to a window."""
        return [round(at_s - self.mouth.last_spoke_s, 2) for at_s in self.mouth.ended_at_s]

    async def _frames(self, for_s: float, *, voiced: bool) -> None:
        until_s = self._clock() + for_s
        while self._clock() < until_s:
            await asyncio.sleep(WINDOW_S)
            if voiced:
                self.mouth.last_spoke_s = self._clock()
            self.turn_ends.push_audio(np.full(512, self.marks and not voiced, np.int16))


class Loop(FakeClockLoop):
    """What a thread does takes time of the turned clock, too."""

    takes_s = 0.0

    def run_in_executor(  # type: ignore[override]  # any arguments, of any type
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        async def work() -> Any:
            result = func(*args)
            await asyncio.sleep(self.takes_s)
            return result

        return self.create_task(work())


def on_turned_clock(
    talk: Callable[[], Coroutine[None, None, None]], *, thread_s: float = 0
) -> None:
    loop = Loop()
    loop.takes_s = thread_s
    try:
        loop.run_until_complete(talk())
    finally:
        loop.close()


def test_a_finished_sentence_is_over_after_a_breath() -> None:
    async def talk() -> None:
        talk = Talk(Mouth())
        await talk.says(1.0)
        await talk.pauses(0.1)
        talk.recognized("What time is it?", sounds_finished=SURE)
        await talk.pauses(1.0)
        (after_s,) = talk.ended_after_s
        assert 0.15 <= after_s <= 0.2
        await talk.turn_ends.aclose()

    on_turned_clock(talk)


def test_a_sentence_that_is_open_is_waited_for_and_not_for_ever() -> None:
    async def talk() -> None:
        talk = Talk(Mouth(opinion=UNSURE))
        await talk.says(1.0)
        await talk.pauses(0.1)
        talk.recognized("I would like to book a table for", sounds_finished=UNSURE)
        await talk.pauses(2.2)
        assert talk.mouth.ended_at_s == []
        await talk.pauses(1.0)
        (after_s,) = talk.ended_after_s
        assert 2.4 <= after_s <= 2.6
        await talk.turn_ends.aclose()

    on_turned_clock(talk)


def test_who_goes_on_has_one_turn() -> None:
    async def talk() -> None:
        talk = Talk(Mouth(opinion=UNSURE))
        await talk.says(1.0)
        await talk.pauses(0.1)
        talk.recognized("My name is", sounds_finished=UNSURE)
        await talk.pauses(0.9)
        talk.mouth.opinion = 0.7
        await talk.says(1.0)
        await talk.pauses(0.1)
        talk.recognized("My name is Peter, what is yours?", sounds_finished=SURE)
        await talk.pauses(1.0)
        assert len(talk.mouth.ended_at_s) == 1
        assert talk.turn_ends.is_over
        await talk.turn_ends.aclose()

    on_turned_clock(talk)


def test_a_text_of_what_was_said_before_is_not_judged_for_what_is_said_now() -> None:
    async def talk() -> None:
        talk = Talk(Mouth())
        await talk.says(1.0)
        await talk.pauses(0.1)
        talk.recognized("Is it late?", sounds_finished=SURE)
        await talk.says(2 * GOES_ON_S)
        await talk.pauses(0.6)
        assert talk.mouth.ended_at_s == []
        await talk.pauses(TEXT_PATIENCE_S)
        assert len(talk.mouth.ended_at_s) == 1, "where no text comes, nothing is waited for longer"
        await talk.turn_ends.aclose()

    on_turned_clock(talk)


def test_a_murmur_over_the_agent_is_not_kept_for_the_next_turn() -> None:
    async def talk() -> None:
        talk = Talk(Mouth(agent_has_floor=True, opinion=UNSURE))
        await talk.says(0.3)
        await talk.pauses(0.1)
        talk.recognized("and", sounds_finished=UNSURE)
        await talk.pauses(1.0)
        (after_s,) = talk.ended_after_s
        assert after_s <= MURMUR_S + 0.1
        await talk.turn_ends.aclose()

    on_turned_clock(talk)


def test_nothing_is_ended_before_anything_is_said() -> None:
    async def talk() -> None:
        talk = Talk(Mouth())
        await talk.pauses(5.0)
        assert talk.mouth.ended_at_s == []
        await talk.turn_ends.aclose()

    on_turned_clock(talk)


def test_a_microphone_that_brings_nothing_more_ends_the_turn_too() -> None:
    async def talk() -> None:
        talk = Talk(Mouth())
        await talk.says(1.0)
        talk.recognized("Stop there?", sounds_finished=SURE)
        await asyncio.sleep(1.0)
        assert len(talk.mouth.ended_at_s) == 1
        await talk.turn_ends.aclose()

    on_turned_clock(talk)


def test_who_takes_their_time_is_given_it() -> None:
    pause = TurnPause(TurnWordsHeard.of("I think,", ENGLISH.turns), sound=0.5)
    policy = EndOfTurnPolicy(patience_s=0.3)
    slow, quick = OwnPauses(), OwnPauses()
    for _ in range(5):
        slow.went_on_after(1.5)
        quick.went_on_after(0.3)
    patient_s, usual_s, hasty_s = (
        silence_needed_s(pause, policy, pace=pace) for pace in (slow.pace, 1.0, quick.pace)
    )
    assert patient_s > usual_s > hasty_s


@pytest.mark.parametrize("probability", [0.0, 1.0, 1e-9, 1 - 1e-9])
def test_a_detector_that_is_certain_is_no_error(probability: float) -> None:
    pause = TurnPause(TurnWordsHeard(), sound=probability, last=probability)
    assert 0.15 <= silence_needed_s(pause, POLICY) <= 2.5


def test_a_likely_end_is_answered_on_a_guess_at_once_and_an_unlikely_one_later() -> None:
    async def talk() -> None:
        talk = Talk(Mouth(busy=0.5, opinion=UNSURE))
        await talk.says(1.0)
        assert talk.recognized("What time is it?", sounds_finished=SURE)
        await talk.says(1.0)
        assert not talk.recognized("What time is it and", sounds_finished=UNSURE)
        await talk.pauses(3.0)
        (guessed_s,), (ended_s,) = talk.mouth.guessed_at_s, talk.mouth.ended_at_s
        assert talk.mouth.last_spoke_s < guessed_s < ended_s
        await talk.turn_ends.aclose()

    on_turned_clock(talk)


def test_a_machine_with_no_room_guesses_nothing() -> None:
    async def talk() -> None:
        talk = Talk(Mouth(busy=1.0))
        await talk.says(1.0)
        assert not talk.turn_ends.push_partial("What time is it?")
        assert not talk.recognized("What time is it?", sounds_finished=SURE)
        await talk.pauses(3.0)
        assert talk.mouth.guessed_at_s == [] and len(talk.mouth.ended_at_s) == 1
        await talk.turn_ends.aclose()

    on_turned_clock(talk)


def test_what_was_said_before_they_went_on_is_not_answered() -> None:
    async def talk() -> None:
        talk = Talk(Mouth(busy=0.9, opinion=UNSURE))
        await talk.says(1.0)
        talk.recognized("I think and", sounds_finished=UNSURE)
        await talk.pauses(0.3)
        await talk.says(2.0)
        assert talk.mouth.guessed_at_s == []
        await talk.turn_ends.aclose()

    on_turned_clock(talk)


def test_while_somebody_speaks_only_what_is_likely_whole_is_worth_a_guess() -> None:
    async def talk() -> None:
        quiet, busy = Talk(Mouth(busy=0.1)), Talk(Mouth(busy=0.8))
        assert quiet.turn_ends.push_partial("No, thanks.")
        assert not quiet.turn_ends.push_partial("What time is it and")
        assert not busy.turn_ends.push_partial("No, thanks.")

    on_turned_clock(talk)


def test_what_may_go_on_is_read_ahead_and_not_answered() -> None:
    async def talk() -> None:
        quiet = Talk(Mouth(busy=0.0))
        for said in ("I really like that", "I really like that account.", "What is the capital?"):
            assert not quiet.turn_ends.push_partial(said)

    on_turned_clock(talk)


def test_v1_mini_is_asked_once_the_text_is_there_and_of_the_end_of_the_voice() -> None:
    async def talk() -> None:
        talk = Talk(Mouth())
        await talk.says(2.0)
        talk.marks = True
        await talk.pauses(0.2)
        assert talk.mouth.asked == [], "the text comes first"
        talk.recognized("What time is it?", sounds_finished=SURE)
        await talk.pauses(0.5)
        ((after_s, shown),) = talk.mouth.asked
        assert 0.2 <= after_s <= 0.25
        silent = np.count_nonzero(shown) / 16_000
        assert 0.05 <= silent <= LAST_AFTER_S + 0.05, "later silence tells less"
        await talk.turn_ends.aclose()

    on_turned_clock(talk)


def test_a_text_that_does_not_come_keeps_v1_mini_from_nothing() -> None:
    async def talk() -> None:
        talk = Talk(Mouth())
        await talk.says(1.0)
        await talk.pauses(0.8)
        ((after_s, _),) = talk.mouth.asked
        assert LAST_LATEST_S <= after_s <= LAST_LATEST_S + 0.05
        await talk.turn_ends.aclose()

    on_turned_clock(talk)


@pytest.mark.parametrize(("takes_s", "ends_s"), [(0.1, 0.2), (1.0, EVIDENCE_S)])
def test_no_turn_ends_before_v1_mini_has_judged_it_but_for_so_long(
    takes_s: float, ends_s: float
) -> None:
    async def talk() -> None:
        talk = Talk(Mouth())
        await talk.says(1.0)
        await talk.pauses(0.1)
        talk.recognized("What time is it?", sounds_finished=SURE)
        await talk.pauses(2.0)
        (after_s,) = talk.ended_after_s
        assert ends_s <= after_s <= ends_s + 0.07
        await talk.turn_ends.aclose()

    on_turned_clock(talk, thread_s=takes_s)


def test_words_that_look_whole_are_not_waited_for_as_long_as_open_ones() -> None:
    def needed_s(text: str, *, pace: float = 1.0) -> float:
        pause = TurnPause(TurnWordsHeard.of(text, ENGLISH.turns), sound=UNSURE, last=UNSURE)
        return silence_needed_s(pause, POLICY, pace=pace)

    assert needed_s("I would like to book a table for") == POLICY.longest_s
    assert needed_s("I would like to book a table for Friday.") == WHOLE_S
    assert WHOLE_S < needed_s("I would like a table for Friday.", pace=1.2) < POLICY.longest_s
