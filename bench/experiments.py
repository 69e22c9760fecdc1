"""`./run bench experiments`: how often a winner is named between equals, and where there is one.

Experiments are simulated: every day users come, are shared out and convert, and somebody looks.
Between equals any winner is a false one. The naive way is the two-sided test of two shares at 5%,
which holds for one look that was planned, asked at every look.
"""

import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table

from bench.arguments import positive
from dialogue.experiments.sequential import LEVEL, RATIO_LEVEL, Tally, compare, ratio_p_value
from parley.arguments import CommandParser

DAYS = 30
USERS_A_DAY = 400
"""Of both variants together."""
RATE = 0.10
LIFTS = (0.10, 0.20, 0.30, 0.50)
"""Relative: 0.2 makes 10% to 12%."""
EXPERIMENTS = 2_000
SEED = 20_261_127
_CRITICAL = 1.959963984540054


@dataclass(frozen=True)
class Looks:
    """Of one experiment at the end of each day: what was shown to and done by each variant."""

    exposed: Sequence[tuple[int, int]]
    converted: Sequence[tuple[int, int]]


@dataclass(frozen=True)
class WinnersFound:
    """Shares of the experiments."""

    always_valid: float
    naive: float
    planned: float
    """By the naive test, asked once, on the last day."""
    median_day: float | None
    """On which the always-valid test named the winner, where it did."""
    false_mismatches: float


def main(arguments: list[str]) -> int:
    """0 where false winners are as rare as is promised; else 1."""
    parser = CommandParser(prog="./run bench experiments")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--experiments", type=positive, default=EXPERIMENTS)
    parser.add_argument("--days", type=positive, default=DAYS)
    parser.add_argument("--users", type=positive, default=USERS_A_DAY, help="a day, of both")
    options = parser.parse_args(arguments)
    began_s = time.perf_counter()
    rolls = np.random.default_rng(SEED)
    results = {
        lift: found_in(
            [
                simulated(rolls, lift, days=options.days, users=options.users)
                for _ in range(options.experiments)
            ]
        )
        for lift in (0.0, *LIFTS)
    }
    kept = results[0.0].always_valid < LEVEL
    report = {
        "benchmark": "experiments",
        "experiments": options.experiments,
        "days": options.days,
        "users_a_day": options.users,
        "rate": RATE,
        "took_s": round(time.perf_counter() - began_s, 1),
        "results": [{"lift": lift, **vars(found)} for lift, found in results.items()],
        "promises": [
            {
                "name": "false_winners",
                "required": LEVEL,
                "measured": results[0.0].always_valid,
                "at_least": False,
                "kept": kept,
            }
        ],
    }
    if options.json:
        print(json.dumps(report))
    else:
        _print(report, results)
    return 0 if kept else 1


def simulated(rolls: np.random.Generator, lift: float, *, days: int, users: int) -> Looks:
    """An experiment in which the treatment converts by so much more."""
    to_treatment = rolls.binomial(users, 0.5, days)
    to_control = users - to_treatment
    by_control = rolls.binomial(to_control, RATE)
    by_treatment = rolls.binomial(to_treatment, RATE * (1 + lift))
    return Looks(
        [*zip(np.cumsum(to_control).tolist(), np.cumsum(to_treatment).tolist(), strict=True)],
        [*zip(np.cumsum(by_control).tolist(), np.cumsum(by_treatment).tolist(), strict=True)],
    )


def found_in(experiments: Sequence[Looks]) -> WinnersFound:
    days = [winning_day(looks) for looks in experiments]
    won = [day for day in days if day is not None]
    naive = [
        any(is_naive_winner(*look) for look in zip(looks.exposed, looks.converted, strict=True))
        for looks in experiments
    ]
    planned = [is_naive_winner(looks.exposed[-1], looks.converted[-1]) for looks in experiments]
    skewed = [
        any(ratio_p_value(exposed, (0.5, 0.5)) <= RATIO_LEVEL for exposed in looks.exposed)
        for looks in experiments
    ]
    count = len(experiments)
    return WinnersFound(
        always_valid=len(won) / count,
        naive=sum(naive) / count,
        planned=sum(planned) / count,
        median_day=float(np.median(won)) if won else None,
        false_mismatches=sum(skewed) / count,
    )


def winning_day(looks: Looks) -> int | None:
    """The first day on which the product's own test names a winner, either of the two."""
    for day, (exposed, converted) in enumerate(
        zip(looks.exposed, looks.converted, strict=True), start=1
    ):
        control, treatment = (
            Tally(shown, did, float(did), float(did))
            for shown, did in zip(exposed, converted, strict=True)
        )
        if compare(control, treatment).significant:
            return day
    return None


def is_naive_winner(exposed: tuple[int, int], converted: tuple[int, int]) -> bool:
    """By the z test of two shares, as if this were the only look."""
    pooled = sum(converted) / sum(exposed)
    noise = math.sqrt(pooled * (1 - pooled) * (1 / exposed[0] + 1 / exposed[1]))
    difference = converted[1] / exposed[1] - converted[0] / exposed[0]
    return noise > 0 and abs(difference) / noise > _CRITICAL


def _print(report: dict[str, object], results: dict[float, WinnersFound]) -> None:
    table = Table(
        title=f"{report['experiments']} experiments, {report['days']} daily looks, "
        f"{report['users_a_day']} users a day, {RATE:.0%} convert",
    )
    for column in ("treatment", "winner named", "on day", "naive, any look", "naive, last look"):
        table.add_column(column, justify="right")
    for lift, found in results.items():
        table.add_row(
            f"{lift:+.0%}" if lift else "the same",
            f"{found.always_valid:.1%}",
            "" if found.median_day is None else f"{found.median_day:.0f}",
            f"{found.naive:.1%}",
            f"{found.planned:.1%}",
        )
    console = Console()
    console.print(table)
    console.print(
        f"Users wrongly said to be shared out unlike planned: {results[0.0].false_mismatches:.2%}"
    )
