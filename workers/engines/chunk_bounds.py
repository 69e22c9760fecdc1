"""Where a sentence is cut into chunks that are decoded one after the other."""

from collections.abc import Sequence


def chunk_bounds(
    start: int, lead: int, end: int, *, sizes: Sequence[int], smallest_last: int
) -> tuple[int, ...]:
    """Frames between `start` and `end`; the first of the `sizes` counts from `lead`, where the
    first sound stands, and the last is repeated. A last chunk under `smallest_last` is part of the
    one before it."""
    bounds = [start, max(start, lead) + sizes[0]]
    while bounds[-1] < end:
        bounds.append(bounds[-1] + sizes[min(len(bounds) - 1, len(sizes) - 1)])
    while len(bounds) > 2 and end - bounds[-2] < smallest_last:
        bounds.pop()
    return (*bounds[:-1], end)
