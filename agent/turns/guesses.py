"""Which answers are begun before it is sure that they are wanted: those there is room for.

An answer that is begun early is ready early, and is thrown away where the person goes on. What it
costs is taken from those that are wanted: so one is begun where it is likelier to be wanted than
what it needs is busy. On a quiet machine nearly every pause is answered on a guess; on one with as
many callers as it can bear hardly any, and nothing has to be told to it.
"""

from collections.abc import Sequence

from dialogue.model_pace import ModelPace
from parley.speech.balancing.picker import usable
from parley.speech.balancing.scoreboard import Scoreboard

WORDS_STAY = 0.5
"""How likely it is that what somebody is saying begins with what was recognized of it so far."""


class GuessRoom:
    """Of one call: how much of what answers it is taken, as was measured of it."""

    def __init__(self, pace: ModelPace, workers: Sequence[Scoreboard]) -> None:
        """`pace` of the language model; `workers` of each kind that an answer takes."""
        self._pace = pace
        self._workers = workers

    @property
    def busy(self) -> float:
        """0: nothing is taken; 1 and more: nothing is left. Of each kind of worker the least busy
        counts, by the streams that its workers report; of the model, how much slower than at its
        best it has become."""
        return max([self._pace.slowness, *map(_least_load, self._workers)])

    def worth(self, probability: float) -> bool:
        """Whether work that will be wanted with this probability may begin now."""
        return probability > self.busy


def _least_load(workers: Scoreboard) -> float:
    """Streams per slot; 1 where none can be asked."""
    return min((each.load for each in usable(workers.candidates())), default=1.0)
