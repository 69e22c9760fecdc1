"""`./run bench turns`: how soon, and how often too soon, a turn is taken for ended.

Offline, on recorded turns: at each pause inside them and at their end the detectors, recognition
and voice activity are asked what the agent would know then. The figures are of the speakers that
are held out (bench/turn_pauses.py); `--fit` fits the weights on the others.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.arguments import positive
from bench.machine import Machine
from bench.promise import Promise, print_promises
from bench.turn_fit import fitted, write
from bench.turn_pauses import PausePoint, PauseReader, ships
from bench.turn_plot import plot
from bench.turn_policies import (
    LONGEST_S,
    PAUSES_S,
    Delay,
    PolicyFigures,
    calibration,
    detector,
    figures,
    silence,
    together,
    unless_open,
    unless_whole,
)
from bench.turn_table import keep, kept
from caller.recordings import SPEECH
from parley.arguments import CommandParser
from parley.errors import ConfigurationError, ParleyError
from parley.settings import OrchestratorSettings

V1_MINI_THRESHOLD, V1_MINI_S = 0.36, 0.3
"""livekit-agents' own for English, and the shorter wait that the agent has with it."""
SMART_TURN_THRESHOLD, SMART_TURN_S = 0.5, 0.2
"""pipecat's own, and its wait."""
JUDGED, V1_MINI, SMART_TURN = "judged together", "v1-mini alone", "Smart Turn alone"
CURVE = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
CURVE_SILENCES_S = (0.15, 0.3, 0.5, 0.7, 1.0, 1.3, 1.7, 2.5)


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    adapter, threads = options.adapter, options.threads
    try:
        if options.kept:
            points = kept()
        else:
            reader = PauseReader(adapter=adapter, threads=threads)
            points = [each for folder in options.clips or [SPEECH] for each in reader.read(folder)]
        if options.keep:
            keep([*(each for each in kept() if each.recognizer != adapter), *points])
        if options.fit:
            return _fit([point for point in points if point.split == "fit"])
        held_out = [
            each for each in points if each.split == "held_out" and each.recognizer == adapter
        ]
        _check(held_out, "held out")
    except ParleyError as error:
        print(f"parley: {error}", file=sys.stderr)
        return 2
    promises = promises_of(held_out)
    if options.plot is not None:
        options.plot.write_text(plot(curves(held_out)), encoding="utf-8")
    if options.json:
        print(json.dumps(_document(held_out, promises)))
    else:
        _print(held_out, promises)
    return 0 if all(promise.kept for promise in promises) else 1


def _fit(points: Sequence[PausePoint]) -> int:
    """Nothing is tuned on what ships with the caller. All recognizers count as one: they write the
    same speech differently, and the weights are to be right for any."""
    used = [point for point in points if not ships(point.name)]
    _check(used, "declared for fitting")
    speakers = len({point.speaker for point in used})
    print(f"{len(used)} pauses of {speakers} speakers: {write(fitted(used))}")
    return 0


def _check(points: Sequence[PausePoint], which: str) -> None:
    if len({point.ends for point in points}) < 2:
        raise ConfigurationError(
            f"no turns with a pause in them are {which}: name with --clips DIR a folder of "
            "recorded turns (bench/turn_pauses.py says which speakers are for what)"
        )


def ways() -> dict[str, Delay]:
    """How a turn may be taken for ended, by name, each as it is used."""
    turn = OrchestratorSettings().turn
    v1_mini = detector(
        lambda point: point.last_by_framework, V1_MINI_THRESHOLD, shortest_s=V1_MINI_S
    )
    return {
        JUDGED: together(turn.end_of_turn_probability),
        "  without Smart Turn": together(turn.end_of_turn_probability, sound=False),
        "  without v1-mini": together(turn.end_of_turn_probability, last=False),
        "  by words alone": together(turn.end_of_turn_probability, sound=False, last=False),
        V1_MINI: v1_mini,
        "  and open words": unless_open(v1_mini),
        "  and whole ones": unless_whole(unless_open(v1_mini)),
        SMART_TURN: detector(
            lambda point: point.sound, SMART_TURN_THRESHOLD, shortest_s=SMART_TURN_S
        ),
        "0.5 s of silence": silence(0.5),
        "1 s of silence": silence(1.0),
    }


def curves(points: Sequence[PausePoint]) -> dict[str, list[PolicyFigures]]:
    """Each way over all its thresholds."""
    return {
        JUDGED: [figures(points, together(each)) for each in CURVE],
        V1_MINI: [
            figures(
                points, detector(lambda point: point.last_by_framework, each, shortest_s=V1_MINI_S)
            )
            for each in CURVE
        ],
        SMART_TURN: [
            figures(points, detector(lambda point: point.sound, each, shortest_s=SMART_TURN_S))
            for each in CURVE
        ],
        "silence alone": [figures(points, silence(each)) for each in CURVE_SILENCES_S],
    }


def promises_of(points: Sequence[PausePoint]) -> list[Promise]:
    """Better than v1-mini alone in both: sooner, and not oftener too soon."""
    judged, alone = (figures(points, ways()[name]) for name in (JUDGED, V1_MINI))
    return [
        Promise(
            "false_cut_off_share_no_more_than_v1_mini",
            alone.false_cut_off_share,
            judged.false_cut_off_share,
        ),
        Promise("mean_delay_ms_no_more_than_v1_mini", alone.delay_ms_mean, judged.delay_ms_mean),
    ]


def _groups(points: Sequence[PausePoint]) -> Mapping[str, list[PausePoint]]:
    groups = {
        "recorded": [point for point in points if not point.synthetic],
        "synthetic": [point for point in points if point.synthetic],
    }
    return {name: some for name, some in groups.items() if len({p.ends for p in some}) == 2}


def _document(points: Sequence[PausePoint], promises: Sequence[Promise]) -> dict[str, Any]:
    return {
        "benchmark": "turns",
        "machine": asdict(Machine.this()),
        "pauses_s": PAUSES_S,
        "longest_s": LONGEST_S,
        "ways": {
            group: {name: asdict(figures(some, delay)) for name, delay in ways().items()}
            for group, some in ({"all": list(points)} | dict(_groups(points))).items()
        },
        "curves": {
            name: [asdict(each) for each in curve] for name, curve in curves(points).items()
        },
        "calibration": [asdict(each) for each in calibration(points)],
        "promises": [promise.document() for promise in promises],
    }


def _print(points: Sequence[PausePoint], promises: Sequence[Promise]) -> None:
    console = Console()
    for group, some in _groups(points).items():
        speakers = len({point.speaker for point in some})
        ends = sum(point.ends for point in some)
        table = Table(
            title=f"{group}: {ends} turns and {len(some) - ends} pauses of {speakers} speakers"
        )
        table.add_column("held out", no_wrap=True)
        for column in ("≤300 ms", "≤500", "mean", "p95", "cut off"):
            table.add_column(column, justify="right", no_wrap=True)
        table.add_column("by pause", justify="right", no_wrap=True)
        for name, delay in ways().items():
            table.add_row(name, *_cells(figures(some, delay)))
        console.print(table)
    for each in calibration(points):
        console.print(
            f"said to be over with {each.low:g} to {each.high:g}: {each.said_mean} in the mean, "
            f"and over in {each.was_share}"
        )
    for name, curve in curves(points).items():
        steps = "  ".join(f"{e.false_cut_off_share:.2f}/{e.delay_ms_mean:.0f}" for e in curve)
        console.print(f"{name}, cut off/mean ms by threshold: {steps}", soft_wrap=True)
    print_promises(console, promises)


def _cells(each: PolicyFigures) -> list[str]:
    return [
        f"{each.within_300_share:.2f}",
        f"{each.within_500_share:.2f}",
        f"{each.delay_ms_mean:.0f}",
        f"{each.delay_ms_p95:.0f}",
        f"{each.false_cut_off_share:.3f}",
        " ".join(f"{share:.2f}" for share in each.false_by_pause),
    ]


def _parser() -> CommandParser:
    parser = CommandParser(prog="./run bench turns", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document, nothing else")
    parser.add_argument(
        "--clips",
        type=Path,
        action="append",
        metavar="DIR",
        help="recorded turns with their words; may be named several times",
    )
    parser.add_argument(
        "--adapter",
        choices=("moonshine", "whisper"),
        default="moonshine",
        help="the recognition engine whose texts are judged",
    )
    parser.add_argument("--threads", type=positive, default=1, help="CPU threads of one decode")
    parser.add_argument(
        "--kept",
        action="store_true",
        help="the pauses in bench/turn_table.tsv, those the weights were fitted and judged on",
    )
    parser.add_argument("--plot", type=Path, metavar="FILE", help="the curves, as an SVG")
    parser.add_argument("--keep", action="store_true", help="write the pauses there")
    parser.add_argument(
        "--fit", action="store_true", help="fit the weights on the speakers declared for it"
    )
    return parser
