"""The critical path of an answer as a picture: what the person waited for, one after the other."""

from collections.abc import Mapping
from pathlib import Path

from bench.response_path import HEARD, STAGES, PathSummary

_COLORS = dict(
    zip(
        STAGES,
        (
            *("#9aa5b8", "#c7b9e8", "#7f63c9", "#e9c46a", "#e07a3f", "#f2a65a"),
            *("#bcd7f5", "#2f6fde", "#c0392b", "#7fb69b", "#9aa5b8"),
        ),
        strict=True,
    )
)
_SMALL_MS = 25
"""Narrower stages have no room for their figure."""


def draw(found: Mapping[str, PathSummary], peers_ms: Mapping[str, float], file: Path) -> None:
    """`found` by kind of question; `peers_ms`: median responses of others, who tell no stages."""
    import matplotlib as mpl  # noqa: PLC0415 - slow to import, and only this draws

    mpl.use("Agg")
    from matplotlib import pyplot  # noqa: PLC0415

    rows = [*(f"Parley, {kind}" for kind in found), *(f"{name} (median)" for name in peers_ms)]
    figure, axis = pyplot.subplots(figsize=(10, 1.6 + 0.6 * len(rows)), layout="constrained")
    seen: set[str] = set()
    for place, summary in enumerate(found.values()):
        left_ms = 0.0
        for stage in STAGES:
            width_ms = summary.mean_ms.get(stage, 0.0)
            if not width_ms:
                continue
            label = None if stage in seen else stage
            seen.add(stage)
            axis.barh(place, width_ms, left=left_ms, color=_COLORS[stage], label=label)
            if width_ms >= _SMALL_MS:
                middle_ms = left_ms + width_ms / 2
                axis.text(middle_ms, place, f"{width_ms:.0f}", ha="center", va="center", fontsize=8)
            left_ms += width_ms
        axis.text(left_ms + 5, place, f"{left_ms:.0f}", va="center", fontsize=9, weight="bold")
    for place, response_ms in enumerate(peers_ms.values(), start=len(found)):
        axis.barh(place, response_ms, color="#dde2ea")
        axis.text(response_ms + 5, place, f"{response_ms:.0f}", va="center", fontsize=9)
    axis.set_yticks(range(len(rows)), rows)
    axis.invert_yaxis()
    axis.set_xlabel(f"ms after the end of speech, to {HEARD}; means over all answers")
    axis.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=6, frameon=False, fontsize=8)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file)
    pyplot.close(figure)
