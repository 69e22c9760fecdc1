"""Percentiles as every report gives them: a tenth of the unit, None of nothing measured."""

from collections.abc import Mapping, Sequence

import numpy as np


def percentile(measured: Sequence[float], percent: float) -> float | None:
    """Interpolated between the two nearest values."""
    return round(float(np.percentile(measured, percent)), 1) if measured else None


def distribution(
    measured: Sequence[float], named: Mapping[str, float]
) -> dict[str, float | int | None]:
    """`count`, and of each name its percentile."""
    return {"count": len(measured)} | {
        name: percentile(measured, percent) for name, percent in named.items()
    }
