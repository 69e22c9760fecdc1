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


WEIGHTS: Mapping[tuple[bool, bool], Weights] = {}
"""By whether Smart Turn's and v1-mini's judgement are known."""
