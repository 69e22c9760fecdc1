"""A dashboard as a picture: numbers first, then charts, three beside one another."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLORS = ("#3274d9", "#37872d", "#e0752d", "#a352cc", "#c4162a", "#0f7a8a", "#8a6d00", "#777777")
MOST_LINES = 8
LEGEND_CHARACTERS = 34
_UNITS = {
    "percent": (1.0, ".3g", "%"),
    "percentunit": (100.0, ".3g", "%"),
    "bytes": (2.0**-20, ".0f", " MiB"),
    "ops": (1.0, ".2g", "/s"),
}
"""By Grafana's name: factor, digits, and what is written."""


@dataclass(frozen=True)
class DrawnLine:
    """Points are seconds since the begin of the run, and values in the panel's unit."""

    legend: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Drawn:
    """One panel."""

    title: str
    unit: str
    is_number: bool
    lines: Sequence[DrawnLine]


def draw(file: Path, title: str, about: str, panels: Sequence[Drawn]) -> None:
    """Writes an SVG; raises OSError."""
    numbers = [panel for panel in panels if panel.is_number]
    charts = [panel for panel in panels if not panel.is_number]
    rows = math.ceil(len(charts) / 3)
    figure = Figure(figsize=(15, 1.6 + 2.9 * rows), layout="constrained")
    figure.suptitle(f"{title}: {about}", fontsize=13, x=0.01, ha="left")
    grid = figure.add_gridspec(rows + 1, 6, height_ratios=[0.45, *([1.0] * rows)])
    for place, panel in enumerate(numbers):
        _number(figure.add_subplot(grid[0, place]), panel)
    for place, panel in enumerate(charts):
        column = 2 * (place % 3)
        _chart(figure.add_subplot(grid[1 + place // 3, column : column + 2]), panel)
    with mpl.rc_context({"svg.hashsalt": title, "svg.fonttype": "none"}):
        figure.savefig(file, format="svg", metadata={"Date": None})


def _number(axes: Axes, panel: Drawn) -> None:
    axes.axis("off")
    value = written(panel.lines[0].points[-1][1], panel.unit) if panel.lines else "–"
    axes.text(0.5, 0.95, panel.title, ha="center", va="top", fontsize=9, color="#555555")
    axes.text(0.5, 0.05, value, ha="center", va="bottom", fontsize=19, color=COLORS[1])


def _chart(axes: Axes, panel: Drawn) -> None:
    axes.set_title(panel.title, fontsize=9, loc="left")
    for place, line in enumerate(panel.lines[:MOST_LINES]):
        across, up = zip(*line.points, strict=True)
        legend = line.legend[:LEGEND_CHARACTERS]
        axes.plot(across, up, color=COLORS[place % len(COLORS)], linewidth=1.3, label=legend)
    axes.set_ylim(bottom=0)
    if axes.get_ylim()[1] < 1e-9:
        axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(lambda value, _: written(value, panel.unit))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0f} s")
    axes.tick_params(labelsize=7, length=2)
    axes.grid(color="#eeeeee")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if panel.lines:
        axes.legend(fontsize=6.5, frameon=False, loc="upper left", ncols=2)


def written(value: float, unit: str) -> str:
    """The value as a person reads it, in one of the units of the dashboards."""
    if unit == "s":
        return f"{value:.3g} s" if value >= 1 else f"{1000 * value:.3g} ms"
    if unit == "bool_yes_no":
        return "yes" if value else "no"
    factor, digits, name = _UNITS.get(unit, (1.0, ".3g", ""))
    return f"{factor * value:{digits}}{name}"
