"""An always-valid test: it may be looked at as often as one likes.

The mixture sequential probability ratio test of Johari, Pekelis and Walsh ("Always valid inference:
continuous monitoring of A/B tests", 2015) for the difference of two means, with a normal mixture
over the difference. A normal test with a fixed number of users names a winner between equals in a
third of the experiments that are looked at daily; this one keeps to its level however often it is
asked. The check for a sample-ratio mismatch is of the same kind (Lindon and Malek, "Anytime-valid
inference for multinomial count data", 2022).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

LEVEL = 0.05
"""How often at most a difference is claimed where there is none."""
MIXTURE_SD = 0.1
"""Spread of the differences that are expected, in standard deviations of one user's value. It
decides which differences are found soonest, and nothing about the level."""
FEWEST_EXPOSED = 100
FEWEST_CONVERTED = 10
"""Of each side, and of both together: with less the normal approximation does not hold."""
RATIO_LEVEL = 0.01
_RATIO_WEIGHT = 100.0
"""How sharply the prior of the ratio test sits at what was planned, as so many users."""


@dataclass(frozen=True)
class Tally:
    """Of one variant: a user who has not converted counts with 0."""

    exposed: int = 0
    converted: int = 0
    total: float = 0.0
    """Of the values."""
    total_squares: float = 0.0

    @property
    def mean(self) -> float:
        """Value for each user that was exposed; the share of converted, where each counts 1."""
        return self.total / self.exposed if self.exposed else 0.0

    @property
    def squares_about_mean(self) -> float:
        return max(0.0, self.total_squares - self.exposed * self.mean**2)


@dataclass(frozen=True)
class Comparison:
    """A treatment against the control."""

    difference: float
    """Treatment less control."""
    low: float
    high: float
    """Interval that holds the true difference at every look together, at the level's complement;
    infinite while too little is known."""
    p_value: float
    """Always valid: whatever the moment at which it is read."""
    significant: bool


def compare(control: Tally, treatment: Tally, *, level: float = LEVEL) -> Comparison:
    """The difference as far as it is known."""
    difference = treatment.mean - control.mean
    enough = (
        min(control.exposed, treatment.exposed) >= FEWEST_EXPOSED
        and control.converted + treatment.converted >= FEWEST_CONVERTED
    )
    freedom = control.exposed + treatment.exposed - 2
    squares = control.squares_about_mean + treatment.squares_about_mean
    if not enough or squares <= 0.0:
        return Comparison(difference, -math.inf, math.inf, 1.0, False)
    variance = squares / freedom
    # Of the difference; and of the mixture over it.
    noise = variance * (1 / control.exposed + 1 / treatment.exposed)
    mixture = MIXTURE_SD**2 * variance
    log_ratio = 0.5 * math.log(noise / (noise + mixture)) + mixture * difference**2 / (
        2 * noise * (noise + mixture)
    )
    p_value = math.exp(-max(0.0, log_ratio))
    reach = math.sqrt(
        noise
        * (noise + mixture)
        / mixture
        * (2 * math.log(1 / level) + math.log((noise + mixture) / noise))
    )
    return Comparison(difference, difference - reach, difference + reach, p_value, p_value <= level)


def ratio_p_value(exposed: Sequence[int], shares: Sequence[float]) -> float:
    """How well the numbers of users fit the shares that were planned (which add up to 1); always
    valid."""
    kept = [(count, share) for count, share in zip(exposed, shares, strict=True) if share > 0]
    if any(count and not share for count, share in zip(exposed, shares, strict=True)):
        return 0.0
    total = sum(count for count, _ in kept)
    log_ratio = math.lgamma(_RATIO_WEIGHT) - math.lgamma(_RATIO_WEIGHT + total)
    for count, share in kept:
        weight = _RATIO_WEIGHT * share
        log_ratio += math.lgamma(weight + count) - math.lgamma(weight) - count * math.log(share)
    return math.exp(-max(0.0, log_ratio))
