"""When a turn is one, on a turned clock: not while the person may go on, and not never."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from agent.turns.commitment import LONGEST_NOISE_S, LONGEST_RECOGNITION_S, Commitment
from agent.turns.pending_finals import PATIENCE_S, PendingFinals
from testkit.fake_clock_loop import FakeClockLoop

SILENCE_S = 1.2
CHECKED_WITHIN_S = 0.2
GIVEN_UP_S = 30.0


@dataclass
class Person:
    """What is known of their speech: stretches of time, in seconds."""

    speaks: list[tuple[float, float]] = field(default_factory=list)
    contested: list[tuple[float, float]] = field(default_factory=list)
    owed: list[tuple[float, float]] = field(default_factory=list)

    def last_spoke_s(self, now_s: float) -> float:
        return max((min(end, now_s) for start, end in self.speaks if start <= now_s), default=0.0)


def within(stretches: list[tuple[float, float]], now_s: float) -> bool:
    return any(start <= now_s < end for start, end in stretches)


def sure_at_s(
    person: Person, *, taken_s: float | None = 0.3, silence_s: float = SILENCE_S
) -> float | None:
    """When the turn is sure; None: not within GIVEN_UP_S. The person stopped at 0."""
    loop = FakeClockLoop()

    async def wait() -> float | None:
        clock: Callable[[], float] = loop.time
        commitment = Commitment(
            silence_s=silence_s,
            last_spoke_s=lambda: person.last_spoke_s(clock()),
            is_contested=lambda: within(person.contested, clock()),
            words_owed=lambda: within(person.owed, clock()),
            clock=clock,
        )
        if taken_s is not None:
            loop.call_later(taken_s, commitment.taken)
        try:
            async with asyncio.timeout(GIVEN_UP_S):
                await commitment.sure()
        except TimeoutError:
            return None
        return clock()

    try:
        return loop.run_until_complete(wait())
    finally:
        loop.close()


def soon_after(at_s: float) -> object:
    return pytest.approx(at_s + CHECKED_WITHIN_S / 2, abs=CHECKED_WITHIN_S / 2)


def test_a_turn_is_sure_after_the_silence() -> None:
    assert sure_at_s(Person()) == soon_after(SILENCE_S)


def test_a_turn_that_is_not_taken_is_never_sure() -> None:
    assert sure_at_s(Person(), taken_s=None) is None


def test_what_was_typed_is_sure_at_once() -> None:
    assert sure_at_s(Person(owed=[(0.0, 9.0)]), silence_s=0.0) == 0.3


def test_who_goes_on_after_the_turn_was_taken_puts_it_off() -> None:
    assert sure_at_s(Person(speaks=[(1.0, 1.4)])) == soon_after(1.4 + SILENCE_S)


def test_a_turn_taken_late_is_sure_then() -> None:
    assert sure_at_s(Person(), taken_s=2.5) == soon_after(2.5)


def test_words_that_recognition_works_on_are_waited_for() -> None:
    late = Person(speaks=[(0.8, 1.2)], owed=[(1.4, 4.0)])
    assert sure_at_s(late) == soon_after(4.0)


def test_words_that_never_come_are_waited_for_so_long() -> None:
    assert sure_at_s(Person(owed=[(0.2, 99.0)])) == soon_after(LONGEST_RECOGNITION_S)


def test_words_that_come_are_judged_before_the_turn_is_sure() -> None:
    """Between what recognition gives up and its judgement lies a moment."""
    late = Person(owed=[(0.2, 2.0)], contested=[(2.04, 99.0)])
    assert sure_at_s(late) is None  # it cuts the answer


def test_speech_that_is_being_judged_makes_nothing_sure_however_long() -> None:
    assert sure_at_s(Person(speaks=[(0.9, 1.5)], contested=[(1.0, 5.0)])) == soon_after(5.0)


def test_a_noise_that_nobody_judges_does_not_put_it_off_for_ever() -> None:
    assert sure_at_s(Person(speaks=[(0.1, 99.0)])) == soon_after(0.3 + LONGEST_NOISE_S)


def words_of_a_turn_that_goes_on(until_s: float, *, answered_s: float) -> tuple[str, float]:
    """Recognition is asked at 0 and answers at 0.5 s with the first half; the person has begun
    to speak again and does so until `until_s`; that is asked for then, and answered later."""
    loop, finals = FakeClockLoop(), PendingFinals()

    def answer(text: str) -> None:
        finals.take(text)
        finals.answered()

    async def wait() -> tuple[str, float]:
        finals.asked()
        loop.call_later(0.5, answer, "I need a lamp")
        loop.call_later(until_s - 0.01, finals.asked)
        loop.call_later(answered_s, answer, "for my daughter.")
        words = await finals.of_turn(lambda: loop.time() < until_s)
        return words, loop.time()

    try:
        return loop.run_until_complete(wait())
    finally:
        loop.close()


def test_a_turn_waits_for_who_has_begun_to_speak_again() -> None:
    words, at_s = words_of_a_turn_that_goes_on(1.5, answered_s=2.0)
    assert words == "I need a lamp for my daughter."
    assert at_s == pytest.approx(2.0, abs=0.1)


def test_a_turn_does_not_wait_for_ever_for_who_speaks_on() -> None:
    words, at_s = words_of_a_turn_that_goes_on(99.0, answered_s=99.5)
    assert words == "I need a lamp"
    assert at_s == pytest.approx(PATIENCE_S, abs=0.1)
