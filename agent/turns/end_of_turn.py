"""Whether a turn has ended, judged by its sound, its words and the silence after it together.

What a turn sounds like and what its words are give one probability that it is over as its pause
begins: a logistic model, fitted (`./run bench turns --fit`) on speech that is declared for it.
From the probability the policy asks for on, hardly any silence is waited for; below it the longer
the less likely it is, up to the longest wait: a person who goes on does so before it.
docs/turn-taking.md says how well it does, and on what.
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
_TEXTS_A_TURN = 8.0
"""Of so many that are recognized while somebody speaks one is the whole turn's."""
_PACE = (0.7, 1.8)
"""How much quicker or slower than typical somebody is taken to be."""
OPEN_PROBABILITY = 0.2
"""That a turn is over by its words alone: under it they want more."""
OPEN_S = 1.0
"""So long is waited for more where a detector that hears no words takes the turn for finished:
either may be wrong, so it is not the longest wait. Both were chosen on the turns that the weights
were fitted on (docs/turn-taking.md)."""

WHOLE_PROBABILITY = 0.45
"""The same: from it on, and written as a sentence or a question, they look whole."""
WHOLE_S = 1.8
"""More is not waited for such words, whatever they sounded like: a pause after a whole sentence is
hardly longer. On the turns that the weights were fitted on it costs no pause of those that are
tried there, up to 1.6 s; 1.5 s would cut off every sixth of the longest."""


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

    probability: float = 0.6
    """From which on it does after the shortest silence."""
    shortest_s: float = 0.15
    """Silence before which it never does."""
    longest_s: float = 2.5
    """Silence after which it always does."""
    patience_s: float = 4.0
    """How much longer is waited for each log odd that is lacking: chosen, with the probability, on
    the turns that the weights were fitted on."""


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


def probability(pause: TurnPause, weights: Weights | None = None) -> float:
    """That the turn is over, where turns end as often as they pause."""
    return _probability(evidence(pause, weights or _weights_for(pause)))


def probability_while_speaking(words: TurnWordsHeard) -> float:
    """That these are all the words of a turn, though no pause was heard yet."""
    pause = TurnPause(words)
    return _probability(evidence(pause, _weights_for(pause)) - math.log(_TEXTS_A_TURN))


def wants_more(words: TurnWordsHeard) -> bool:
    """Whether the words alone say that somebody goes on. Many a question may end in any word:
    "Where are you from?"."""
    may_be_open = not words.is_question or words.is_open_question
    return may_be_open and probability(TurnPause(words)) < OPEN_PROBABILITY


def looks_whole(words: TurnWordsHeard) -> bool:
    """Whether the words alone could be all that somebody has to say."""
    written = words.is_question or words.is_sentence
    return written and not words.is_open and probability(TurnPause(words)) >= WHOLE_PROBABILITY


def silence_needed_s(
    pause: TurnPause,
    policy: EndOfTurnPolicy,
    *,
    pace: float = 1.0,
    weights: Weights | None = None,
) -> float:
    """After how much silence the turn counts as ended; `pace` as OwnPauses has it."""
    wanted = _logit(policy.probability) - evidence(pause, weights or _weights_for(pause))
    silence_s = policy.shortest_s + policy.patience_s * pace * max(0.0, wanted)
    whole_s = WHOLE_S * max(1.0, pace) if looks_whole(pause.words) else policy.longest_s
    return min(silence_s, max(whole_s, policy.shortest_s), policy.longest_s)


def evidence(pause: TurnPause, at: Weights) -> float:
    """All that is known but for the silence, in log odds of the turn being over."""
    words = pause.words
    return (
        at.bias
        + at.sound * _logit(pause.sound)
        + at.last * _logit(pause.last)
        + at.question * words.is_question
        + at.sentence * words.is_sentence
        + at.open * words.is_open
        + at.listing * words.is_listing
        + at.number * words.has_number_begun
        + at.answer * words.is_answer
        + at.ending * words.ending
    )


def _weights_for(pause: TurnPause) -> Weights:
    """Of the model that was fitted on what is known of the pause."""
    return WEIGHTS[(pause.sound is not None, pause.last is not None)]


def _probability(log_odds: float) -> float:
    return 1.0 / (1.0 + math.exp(-log_odds))


def _logit(probability: float | None) -> float:
    """0 for what is not known."""
    if probability is None:
        return 0.0
    if not 0.0 < probability < 1.0:
        return math.copysign(_LONGEST_LOGIT, probability - 0.5)
    odds = math.log(probability / (1.0 - probability))
    return min(max(odds, -_LONGEST_LOGIT), _LONGEST_LOGIT)
