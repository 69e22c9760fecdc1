"""Whether a turn has ended, judged by its sound, its words and the silence after it together.

One logistic model: what the turn sounds like and what its words are set where it starts, and each
moment of silence makes it likelier that the turn is over. So for every pause there is a silence
after which the turn counts as ended: hardly any where it sounds and reads finished, as long as the
settings allow where it does not. The weights are fitted (`./run bench turns --fit`) on speech that
is declared for it; docs/turn-taking.md says on which, and how well it does on the rest.
"""

import math
from dataclasses import dataclass

from agent.turns.end_of_turn_weights import WEIGHTS, Weights
from agent.turns.turn_words import TurnWordsHeard

_LONGEST_LOGIT = 4.0
"""Beyond it a detector is as sure as it gets."""
TYPICAL_PAUSE_S = 0.6
"""Of somebody who is not known yet."""
_TYPICAL_PAUSES = 4
"""So many pauses of the person's own weigh as much as the typical one."""
_PACE = (0.7, 1.8)
"""How much quicker or slower than typical somebody is taken to be."""


@dataclass(frozen=True)
class TurnPause:
    """A turn as it is known in a pause."""

    words: TurnWordsHeard
    sound: float | None = None
    """The probability that it is over by its last 8 s, as Smart Turn hears them; None: not told."""
    last: float | None = None
    """The same by its last second, as v1-mini hears it."""


@dataclass(frozen=True, kw_only=True)
class EndOfTurnPolicy:
    """When a turn counts as ended."""

    probability: float = 0.5
    """From which on it does."""
    shortest_s: float = 0.15
    """Silence before which it never does."""
    longest_s: float = 2.5
    """Silence after which it always does."""


class OwnPauses:
    """How long one person pauses within turns: who takes their time is given it."""

    def __init__(self) -> None:
        self._sum_s, self._count = 0.0, 0

    def went_on_after(self, pause_s: float) -> None:
        """The person went on with the turn after a pause of so long."""
        self._sum_s += pause_s
        self._count += 1

    @property
    def pace(self) -> float:
        """How much longer than typical their pauses are."""
        known_s = self._sum_s + _TYPICAL_PAUSES * TYPICAL_PAUSE_S
        pace = known_s / (self._count + _TYPICAL_PAUSES) / TYPICAL_PAUSE_S
        return min(max(pace, _PACE[0]), _PACE[1])


def probability(
    pause: TurnPause, *, silence_s: float, pace: float = 1.0, weights: Weights | None = None
) -> float:
    """That the turn is over after so much silence; `pace` as OwnPauses has it."""
    at = weights or weights_for(pause)
    return _sigmoid(evidence(pause, at) + at.silence_per_s * silence_s / pace)


def silence_needed_s(
    pause: TurnPause,
    policy: EndOfTurnPolicy,
    *,
    pace: float = 1.0,
    weights: Weights | None = None,
) -> float:
    """After how much silence the turn counts as ended, within the policy's limits."""
    at = weights or weights_for(pause)
    wanted = _logit(policy.probability) - evidence(pause, at)
    silence_s = wanted / at.silence_per_s * (pace if wanted > 0 else 1.0)
    return min(max(silence_s, policy.shortest_s), policy.longest_s)


def weights_for(pause: TurnPause) -> Weights:
    """Of the model that was fitted on what is known of the pause."""
    return WEIGHTS[(pause.sound is not None, pause.last is not None)]


def evidence(pause: TurnPause, at: Weights) -> float:
    """What is known but for the silence, in log odds."""
    words = pause.words
    return (
        at.bias
        + at.sound * _logit(pause.sound)
        + at.last * _logit(pause.last)
        + at.question * words.is_question
        + at.sentence * words.is_sentence
        + at.open * words.is_open
        + at.listing * words.is_listing
        + at.number * words.ends_in_number
        + at.answer * words.is_answer
    )


def _logit(probability: float | None) -> float:
    """0 for what is not known."""
    if probability is None:
        return 0.0
    if not 0.0 < probability < 1.0:
        return math.copysign(_LONGEST_LOGIT, probability - 0.5)
    odds = math.log(probability / (1.0 - probability))
    return min(max(odds, -_LONGEST_LOGIT), _LONGEST_LOGIT)


def _sigmoid(odds: float) -> float:
    return 1.0 / (1.0 + math.exp(-odds))
