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
        bias=-0.043,
        sound=0.118,
        last=0.58,
        question=0.796,
        sentence=0.146,
        open=-2.153,
        listing=-0.844,
        number=-1.081,
        answer=1.388,
    ),
    (True, False): Weights(
        bias=-0.53,
        sound=0.184,
        question=0.924,
        sentence=0.354,
        open=-2.16,
        listing=-0.678,
        number=-1.298,
        answer=1.151,
    ),
    (False, True): Weights(
        bias=0.142,
        last=0.675,
        question=0.821,
        sentence=0.154,
        open=-2.21,
        listing=-0.981,
        number=-1.019,
        answer=1.553,
    ),
    (False, False): Weights(
        bias=-0.349,
        question=1.024,
        sentence=0.429,
        open=-2.311,
        listing=-0.856,
        number=-1.238,
        answer=1.335,
    ),
}
"""By whether Smart Turn's and v1-mini's judgement are known."""
