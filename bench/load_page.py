"""The report of a load as one HTML page that needs nothing else."""

import html
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.load_caller import LoadTurn
from bench.load_parts import PartUse

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem;
  color: #1c2330; background: #fff }
h1 { font-size: 1.5rem } table { border-collapse: collapse; margin: 1rem 0 }
th, td { text-align: right; padding: .25rem .9rem; border-bottom: 1px solid #dde2ea }
th:first-child, td:first-child { text-align: left } svg { width: 100%; height: auto }
.kept { color: #1b7f4b } .broken { color: #c0392b; font-weight: 600 }
"""


def write_page(
    file: Path, document: dict[str, Any], turns: Sequence[LoadTurn], parts: Sequence[PartUse]
) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(page(document, turns, parts), encoding="utf-8")


def page(document: dict[str, Any], turns: Sequence[LoadTurn], parts: Sequence[PartUse]) -> str:
    machine = document["machine"]
    title = f"Parley under load: {document['callers']} callers, {document['minutes']:g} minutes"
    promises = [
        (
            _words(promise["name"]),
            "–" if promise["measured"] is None else f"{promise['measured']:g}",
            f"{'at least' if promise['at_least'] else 'at most'} {promise['required']:g}",
            "kept" if promise["kept"] else "broken",
        )
        for promise in document["promises"]
    ]
    figures = [
        (_words(name), *(_cell(found[key]) for key in ("count", "p50", "p90", "p95", "p99", "max")))
        for name, found in document["figures"].items()
    ]
    used = [
        (name, *(_cell(use[key]) for key in ("cpu_percent", "memory_mb", "memory_before_mb")))
        for name, use in document["parts"].items()
    ]
    return (
        "<!doctype html>\n<html lang=en><meta charset=utf-8>"
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style>"
        f"<h1>{html.escape(title)}</h1>"
        f"<p>{machine['cores']} cores, {html.escape(machine['processor'])}. "
        f"{document['calls']} calls, {document['turns']} turns, "
        f"{document['refused']} refused or lost. "
        f"The callers ran on the same machine; they were starved for "
        f"{document['starved_ms']:g} ms in all, and their event loop was late by "
        f"{document['loop_late_ms']['p99']} ms (p99).</p>"
        + _table(("promise", "measured", "promised", ""), promises)
        + _table(("ms", "count", "p50", "p90", "p95", "p99", "max"), figures)
        + _table(("part", "CPU % of a core", "memory MB, most", "before"), used)
        + f"<p>Per session: {document['per_session']['cpu_percent']:g}% of a core and "
        f"{document['per_session']['memory_mb']:g} MB of the agent's.</p>"
        + _plots(turns, parts)
        + "</html>\n"
    )


def _plots(turns: Sequence[LoadTurn], parts: Sequence[PartUse]) -> str:
    import matplotlib as mpl  # noqa: PLC0415 - slow to import, and only this draws

    mpl.use("Agg")
    from matplotlib import pyplot  # noqa: PLC0415

    figure, grid = pyplot.subplots(2, 2, figsize=(11, 7), layout="constrained")
    answered = [turn for turn in turns if turn.response_ms is not None]
    responses = [turn.response_ms or 0.0 for turn in answered]
    grid[0, 0].hist(responses or [0.0], bins=30, color="#2f6fde")
    _label(grid[0, 0], "response", "ms", "turns")
    grid[0, 1].scatter([turn.at_s for turn in answered], responses, s=14, color="#2f6fde")
    missed = [turn for turn in turns if turn.response_ms is None]
    waited, colour = [turn.waited_ms for turn in missed], "#c0392b"
    grid[0, 1].scatter([turn.at_s for turn in missed], waited, s=18, color=colour, marker="x")
    _label(grid[0, 1], "response over time; crosses: waited in vain", "s", "ms")
    for part in parts:
        times = [sample.at_s for sample in part.samples]
        grid[1, 0].plot(times, [s.cpu_percent for s in part.samples], label=part.name)
        grid[1, 1].plot(times, [s.memory_mb for s in part.samples], label=part.name)
    _label(grid[1, 0], "CPU", "s", "% of a core")
    _label(grid[1, 1], "memory (PSS)", "s", "MB")
    grid[1, 1].legend(frameon=False, fontsize=8)
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg")
    pyplot.close(figure)
    text = drawn.getvalue()
    return text[text.index("<svg") :]


def _label(axis: Any, title: str, x: str, y: str) -> None:
    axis.set_title(title)
    axis.set_xlabel(x)
    axis.set_ylabel(y)
    axis.set_ylim(bottom=0)
    axis.spines[["top", "right"]].set_visible(False)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def row(cells: Sequence[str], tag: str) -> str:
        shown = (
            f"<{tag} class={cell}>{cell}</{tag}>"
            if cell in ("kept", "broken")
            else f"<{tag}>{html.escape(cell)}</{tag}>"
            for cell in cells
        )
        return f"<tr>{''.join(shown)}</tr>"

    return f"<table>{row(head, 'th')}{''.join(row(cells, 'td') for cells in rows)}</table>"


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"


def _words(name: str) -> str:
    return name.replace("_", " ")
