"""`./run bench text`: how English text is said, by our rules and by the libraries that there are.

All say the same table of right values (tests/dialogue/text/english_table), in the same run. Our
rules say it as a reply is said: cut into stretches first.
"""

import json
import statistics
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.machine import ForeignLoad, Machine
from bench.promise import Promise, print_promises
from bench.text_libraries import LIBRARIES, Absent, LibraryRun, run
from dialogue.text.reading import read_out
from parley.arguments import CommandParser
from testkit.spoken_table import TableLine, table

OURS = "ours"
REPORTED_RIGHT = 0.95
MS_PER_SENTENCE = 2.0
HALVES = ("tuning", "reported")


@dataclass(frozen=True)
class Score:
    """Of one way: right lines, by half and kind, and its time for a text."""

    name: str
    right: dict[str, Counter[str]]
    ms_median: float
    ms_mean: float
    failures: int
    """Texts on which it raised; they count as wrong."""

    def share(self, lines: Sequence[TableLine]) -> float | None:
        """Of the lines, of any kinds and halves, that are all there are of these."""
        right = sum(self.right[half][kind] for half, kind in {(_half(e), e.kind) for e in lines})
        return round(right / len(lines), 3) if lines else None


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    lines = [line for line in table() if options.half in (None, _half(line))]
    with ForeignLoad() as foreign:
        runs: dict[str, LibraryRun | Absent] = {OURS: _ours(lines)}
        if not options.without_libraries:
            written = [line.written for line in lines]
            runs |= {library.name: run(library, written) for library in LIBRARIES}
    scores = [score(name, lines, ran) for name, ran in runs.items() if isinstance(ran, LibraryRun)]
    absent = {name: ran.why for name, ran in runs.items() if isinstance(ran, Absent)}
    promises = promises_of(scores, lines)
    if options.failures:
        _print_failures(lines, runs[OURS])
    if options.json:
        print(json.dumps(_document(lines, scores, absent, promises, foreign.percent)))
    else:
        _print(lines, scores, absent, promises, foreign.percent)
    return 0 if all(promise.kept for promise in promises) else 1


def score(name: str, lines: Sequence[TableLine], ran: LibraryRun) -> Score:
    right: dict[str, Counter[str]] = {half: Counter() for half in HALVES}
    for line, said in zip(lines, ran.said, strict=True):
        right[_half(line)][line.kind] += line.accepts(said)
    return Score(
        name=name,
        right=right,
        ms_median=round(1000 * statistics.median(ran.took_s), 3),
        ms_mean=round(1000 * statistics.fmean(ran.took_s), 3),
        failures=ran.failures,
    )


def promises_of(scores: Sequence[Score], lines: Sequence[TableLine]) -> list[Promise]:
    """The half that no rule was written from is right, more than any library has it."""
    judged = [line for line in lines if line.reported] or lines
    shares = {each.name: each.share(judged) for each in scores}
    others = [share for name, share in shares.items() if name != OURS and share is not None]
    ours = next(each for each in scores if each.name == OURS)
    promises = [
        Promise("right_share", REPORTED_RIGHT, shares[OURS], at_least=True),
        Promise("ms_per_sentence_mean", MS_PER_SENTENCE, ours.ms_mean),
    ]
    if others:
        promises.append(
            Promise("right_share_over_best_library", max(others), shares[OURS], at_least=True)
        )
    return promises


def _half(line: TableLine) -> str:
    return "reported" if line.reported else "tuning"


def _ours(lines: Sequence[TableLine]) -> LibraryRun:
    said, took_s = [], []
    for line in lines:
        began_s = perf_counter()
        said.append(" ".join(spoken.text for spoken in read_out(line.written)))
        took_s.append(perf_counter() - began_s)
    return LibraryRun(tuple(said), tuple(took_s))


def _rows(lines: Sequence[TableLine], scores: Sequence[Score]) -> list[dict[str, Any]]:
    rows = []
    for kind in dict.fromkeys(line.kind for line in lines):
        of_kind = [line for line in lines if line.kind == kind]
        row: dict[str, Any] = {"kind": kind}
        for half in HALVES:
            of_half = [line for line in of_kind if _half(line) == half]
            row[half] = {"lines": len(of_half)} | {s.name: s.share(of_half) for s in scores}
        rows.append(row)
    return rows


def _totals(lines: Sequence[TableLine], scores: Sequence[Score]) -> dict[str, Any]:
    halves = {half: [line for line in lines if _half(line) == half] for half in HALVES}
    return {
        half: {"lines": len(of_half)} | {each.name: each.share(of_half) for each in scores}
        for half, of_half in halves.items()
    }


def _document(
    lines: Sequence[TableLine],
    scores: Sequence[Score],
    absent: dict[str, str],
    promises: Sequence[Promise],
    foreign_percent: float,
) -> dict[str, Any]:
    return {
        "benchmark": "text",
        "machine": asdict(Machine.this()),
        "foreign_load_percent": foreign_percent,
        "libraries": {each.name: each.requirement for each in LIBRARIES},
        "absent": absent,
        "failures": {each.name: each.failures for each in scores},
        "kinds": _rows(lines, scores),
        "totals": _totals(lines, scores),
        "ms_per_sentence": {
            each.name: {"median": each.ms_median, "mean": each.ms_mean} for each in scores
        },
        "promises": [promise.document() for promise in promises],
    }


def _print(
    lines: Sequence[TableLine],
    scores: Sequence[Score],
    absent: dict[str, str],
    promises: Sequence[Promise],
    foreign_percent: float,
) -> None:
    console, machine = Console(), Machine.this()
    title = f"percent said right of {len(lines)} texts: tuning half / reported half"
    shown = Table(title=title)
    shown.add_column("kind")
    for name in ("lines", *(each.name for each in scores)):
        shown.add_column(name, justify="right")
    rows = _rows(lines, scores)
    for row in [*rows, {"kind": "all", **_totals(lines, scores)}]:
        halves = [row[half] for half in HALVES]
        count = "/".join(str(half["lines"]) for half in halves)
        cells = ["/".join(_percent(half[s.name]) for half in halves) for s in scores]
        shown.add_row(row["kind"], count, *cells, end_section=row is rows[-1])
    times = (f"{each.ms_median:g}/{each.ms_mean:g}" for each in scores)
    shown.add_row("ms per text: median/mean", "", *times)
    console.print(shown)
    for name, why in absent.items():
        console.print(f"{name} is absent: {why}", markup=False)
    console.print(
        f"{machine.cores} cores, {machine.processor}; others kept {foreign_percent:.0f}% of them "
        "busy meanwhile"
    )
    print_promises(console, promises)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f}"


def _print_failures(lines: Sequence[TableLine], ours: LibraryRun | Absent) -> None:
    """To standard error; never of the half that is only reported."""
    assert isinstance(ours, LibraryRun)
    for line, said in zip(lines, ours.said, strict=True):
        if not line.reported and not line.accepts(said):
            print(f"{line.kind}\t{line.written!r}\t{said}\t({line.spoken})", file=sys.stderr)


def _parser() -> CommandParser:
    parser = CommandParser(prog="./run bench text", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document, nothing else")
    parser.add_argument("--half", choices=HALVES, help="only these lines; default: both")
    parser.add_argument(
        "--without-libraries", action="store_true", help="our rules alone; nothing is installed"
    )
    parser.add_argument(
        "--failures",
        action="store_true",
        help="also what our rules say wrong of the tuning half, on standard error",
    )
    return parser
