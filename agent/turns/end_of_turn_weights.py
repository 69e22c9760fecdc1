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
    ending: float = 0.0


WEIGHTS: Mapping[tuple[bool, bool], Weights] = {
    (True, True): Weights(
        bias=-0.329,
        sound=0.125,
        last=0.436,
        question=1.106,
        sentence=0.292,
        open=-1.797,
        listing=-1.195,
        number=-1.23,
        answer=1.701,
        ending=0.583,
    ),
    (True, False): Weights(
        bias=-0.627,
        sound=0.174,
        question=1.168,
        sentence=0.371,
        open=-1.683,
        listing=-1.142,
        number=-1.441,
        answer=1.41,
        ending=0.718,
    ),
    (False, True): Weights(
        bias=-0.118,
        last=0.54,
        question=1.129,
        sentence=0.297,
        open=-1.858,
        listing=-1.227,
        number=-1.132,
        answer=1.936,
        ending=0.573,
    ),
    (False, False): Weights(
        bias=-0.409,
        question=1.231,
        sentence=0.41,
        open=-1.767,
        listing=-1.16,
        number=-1.351,
        answer=1.65,
        ending=0.75,
    ),
}
"""By whether Smart Turn's and v1-mini's judgement are known."""
