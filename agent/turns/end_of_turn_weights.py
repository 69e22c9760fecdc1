"""The fitted weights of the end of turn: written by `./run bench turns --fit`, not by hand."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Weights:
    """In log odds of the turn being over."""

    bias: float
    sound: float = 0.0
    """Of Smart Turn's log odds; `last`: of v1-mini's."""
    last: float = 0.0
    question: float = 0.0
    sentence: float = 0.0
    open: float = 0.0
    listing: float = 0.0
    number: float = 0.0
    answer: float = 0.0


WEIGHTS: Mapping[tuple[bool, bool], Weights] = {
    (True, True): Weights(
        bias=0.167,
        sound=0.088,
        last=0.383,
        question=1.02,
        sentence=-0.082,
        open=-1.599,
        listing=-0.631,
        number=-0.5,
        answer=0.866,
    ),
    (True, False): Weights(
        bias=-0.227,
        sound=0.134,
        question=1.04,
        sentence=0.093,
        open=-1.617,
        listing=-0.543,
        number=-0.599,
        answer=0.69,
    ),
    (False, True): Weights(
        bias=0.287,
        last=0.444,
        question=0.958,
        sentence=-0.093,
        open=-1.649,
        listing=-0.679,
        number=-0.494,
        answer=0.957,
    ),
    (False, False): Weights(
        bias=-0.129,
        question=0.945,
        sentence=0.118,
        open=-1.733,
        listing=-0.602,
        number=-0.619,
        answer=0.776,
    ),
}
"""By whether Smart Turn's and v1-mini's judgement are known."""
