"""What an experiment has found so far, and whether that names a winner."""

import math
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

from dialogue.experiments.experiment import Experiment
from dialogue.experiments.sequential import (
    LEVEL,
    RATIO_LEVEL,
    Comparison,
    Tally,
    compare,
    ratio_p_value,
)


class Interval(BaseModel):
    """Always valid; null at an end that is not known yet."""

    model_config = ConfigDict(frozen=True)

    low: float | None
    high: float | None


class VariantResult(BaseModel):
    """Of one variant; the last four are null for the control."""

    model_config = ConfigDict(frozen=True)

    name: str
    type: str
    exposed: int
    converted: int
    mean: float
    """Value for each exposed user; their share, where each conversion counts 1."""
    difference: float | None = None
    """Of its mean less that of the control."""
    interval: Interval | None = None
    p_value: float | None = None
    significant: bool | None = None


class SampleRatio(BaseModel):
    """Whether the users are shared out as planned; where not, nothing else can be believed."""

    model_config = ConfigDict(frozen=True)

    p_value: float
    mismatch: bool


class ExperimentResults(BaseModel):
    model_config = ConfigDict(frozen=True)

    variants: list[VariantResult]
    sample_ratio: SampleRatio
    level: float = LEVEL
    winner: str | None = None
    why: str
    """Why there is a winner, or none."""


def results_of(experiment: Experiment, tallies: Mapping[str, Tally]) -> ExperimentResults:
    """As of now; may be asked at any time and as often as one likes."""
    variants = experiment.draft.variants
    counted = {variant.name: tallies.get(variant.name, Tally()) for variant in variants}
    ratio_p = ratio_p_value(
        [counted[each.name].exposed for each in variants],
        [each.traffic_percentage / 100.0 for each in variants],
    )
    control = counted[experiment.control.name]
    level = LEVEL / max(1, len(experiment.treatments))
    comparisons = {
        each.name: compare(control, counted[each.name], level=level)
        for each in experiment.treatments
    }
    mismatch = ratio_p <= RATIO_LEVEL
    winner, why = _winner(experiment, counted, comparisons, mismatch=mismatch)
    return ExperimentResults(
        variants=[
            _of_variant(each.name, each.type, counted[each.name], comparisons.get(each.name))
            for each in variants
        ],
        sample_ratio=SampleRatio(p_value=ratio_p, mismatch=mismatch),
        winner=winner,
        why=why,
    )


def _winner(
    experiment: Experiment,
    counted: Mapping[str, Tally],
    comparisons: Mapping[str, Comparison],
    *,
    mismatch: bool,
) -> tuple[str | None, str]:
    if mismatch:
        return None, "the users are not shared out as planned: something decides who is counted"
    better = [name for name, each in comparisons.items() if each.significant and each.low > 0]
    if better:
        best = max(better, key=lambda name: counted[name].mean)
        return best, f"{best} is better than {experiment.control.name}"
    if all(each.significant and each.high < 0 for each in comparisons.values()):
        return experiment.control.name, "every other variant is worse than the control"
    return None, "the difference may be chance"


def _of_variant(name: str, kind: str, tally: Tally, comparison: Comparison | None) -> VariantResult:
    result = VariantResult(
        name=name, type=kind, exposed=tally.exposed, converted=tally.converted, mean=tally.mean
    )
    if comparison is None:
        return result
    return result.model_copy(
        update={
            "difference": comparison.difference,
            "interval": Interval(low=_known(comparison.low), high=_known(comparison.high)),
            "p_value": comparison.p_value,
            "significant": comparison.significant,
        }
    )


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
