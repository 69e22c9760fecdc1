"""What a load comes to: nothing that was asked is left out because no answer came."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from bench.load_caller import LoadTurn
from bench.promise import Promise

ANSWERED = 0.9
"""Of all turns. Callers speak again at their own times, now and then within a second: who answers
at once misses some of those, and a recording that nobody would understand gets no answer."""


class Awaited(Protocol):
    """Something that was said, and how long its answer was waited for; as LoadTurn has it."""

    @property
    def response_ms(self) -> float | None: ...

    @property
    def buffered_ms(self) -> float | None: ...

    @property
    def waited_ms(self) -> float: ...


Turn = TypeVar("Turn", bound=Awaited)


def unanswered(turns: Sequence[Turn]) -> list[Turn]:
    """Turns to which no answer was heard before the caller spoke again, or hung up."""
    return [turn for turn in turns if turn.response_ms is None]


def waits_ms(turns: Sequence[Awaited], *, at_arrival: bool = False) -> list[float]:
    """Of every turn the wait for its answer. One that never came counts as the longest wait of
    the load: how long the caller would have had to wait nobody knows.

    `at_arrival`: less what the caller's jitter buffer added, where that is known of every answer;
    otherwise there are none.
    """
    answered = [turn for turn in turns if turn.response_ms is not None]
    if at_arrival and any(turn.buffered_ms is None for turn in answered):
        return []
    heard_ms = [
        (turn.response_ms or 0.0) - ((turn.buffered_ms or 0.0) if at_arrival else 0.0)
        for turn in answered
    ]
    missed = unanswered(turns)
    longest_ms = max([*heard_ms, *(turn.waited_ms for turn in missed)], default=0.0)
    return heard_ms + [longest_ms] * len(missed)


def promises_of_turns(turns: Sequence[LoadTurn]) -> list[Promise]:
    missed = len(unanswered(turns))
    answered = round(1 - missed / len(turns), 4) if turns else None
    gaps = sum(len(turn.gaps_ms) for turn in turns)
    return [
        Promise("gaps_heard_inside_replies", 0, gaps if turns else None),
        Promise("share_of_turns_answered", ANSWERED, answered, at_least=True),
    ]
