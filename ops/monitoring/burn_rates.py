"""Prometheus rules of the objectives: the share that is bad, and when somebody is told.

A burn rate of 1 uses up the budget of the whole window in that window; of 14.4, 2% of a month's in
an hour. Each alert looks at two windows: the long one says that it matters, the short one that it
still goes on (The Site Reliability Workbook, chapter 5).
"""

from dataclasses import dataclass
from typing import Any

from ops.monitoring.objectives import Objective, ObjectiveFile


@dataclass(frozen=True)
class Burn:
    """When an objective's budget burns too fast, in a long and a short window."""

    rate: float
    hours: int
    short: str
    severity: str

    @property
    def long(self) -> str:
        return f"{self.hours}h" if self.hours < 24 else f"{self.hours // 24}d"


BURNS = (
    Burn(14.4, 1, "5m", "page"),
    Burn(6, 6, "30m", "page"),
    Burn(1, 72, "6h", "ticket"),
)
WINDOWS = ("5m", "30m", "1h", "6h", "3d")
BAD = "objective:bad_ratio:rate"
ASKED = "objective:asked:increase"


def recording_groups(objectives: ObjectiveFile) -> list[dict[str, Any]]:
    """As in a file of Prometheus rules."""
    groups: list[dict[str, Any]] = []
    for objective in objectives.objectives:
        rules: list[dict[str, Any]] = []
        labels = {"objective": objective.name}
        for window in WINDOWS:
            rules.append(
                {"record": f"{BAD}{window}", "labels": labels, "expr": _bad(objective, window)}
            )
        for window in (burn.long for burn in BURNS):
            asked = f"sum(increase({_in(objective.asked_counter, window)}))"
            rules.append({"record": f"{ASKED}{window}", "labels": labels, "expr": asked})
        groups.append({"name": f"objective_{objective.name}", "rules": rules})
    groups.append({"name": "sla", "rules": [_compliance()]})
    return groups


def _compliance() -> dict[str, Any]:
    """The contract's share of syntheses within the SLA, which adds up over agents."""
    bad = f'{BAD}5m{{objective="first_audio"}}'
    return {"record": "sla:compliance_percent:rate5m", "expr": f"sum(100 * (1 - {bad}))"}


def _bad(objective: Objective, window: str) -> str:
    """The share that was not as promised; absent where nothing was asked for.

    What never happened has no series: `or vector(0)` makes it none of those that were asked for.
    """
    asked = f"(sum(rate({_in(objective.asked_counter, window)})) > 0)"
    if objective.failed:
        return f"(sum(rate({_in(objective.failed, window)})) or vector(0)) / {asked}"
    good = f"(sum(rate({_in(objective.good_counter, window)})) or vector(0))"
    return f"clamp_min(1 - {good} / {asked}, 0)"


def _in(selector: str, window: str) -> str:
    return f"{selector}[{window}]"


def burn_rate_alerts(objectives: ObjectiveFile) -> list[dict[str, Any]]:
    """As in a group of Prometheus rules."""
    return [
        _alert(objective, burn, objectives.window_days)
        for objective in objectives.objectives
        for burn in BURNS
    ]


def _alert(objective: Objective, burn: Burn, window_days: int) -> dict[str, Any]:
    of = f'{{objective="{objective.name}"}}'
    limit = round(burn.rate * objective.budget, 6)
    spent = burn.rate * burn.hours / (24 * window_days)
    return {
        "alert": objective.alert,
        "expr": (
            f"{BAD}{burn.long}{of} > {limit} and {BAD}{burn.short}{of} > {limit}"
            f" and {ASKED}{burn.long}{of} >= {objective.minimum_events}"
        ),
        "labels": {"severity": burn.severity, "burn_rate": str(burn.rate)},
        "annotations": {
            "summary": (
                f"{objective.title}: {spent:.0%} of what may be bad in {window_days} days was, "
                f"in {burn.long}"
            ),
            "description": (
                f"{{{{ $value | humanizePercentage }}}} in {burn.long} were not as promised "
                f"({objective.target_percent:g}%"
                + (f" within {objective.within_s:g} s)." if objective.within_s else ").")
            ),
            "runbook_url": f"docs/runbook.md#{objective.alert.lower()}",
        },
    }


def table(objectives: ObjectiveFile) -> str:
    """The documentation's, in Markdown."""
    lines = [
        f"| objective | promise, over {objectives.window_days} days | what is measured | metric "
        "| alert |",
        "|---|---|---|---|---|",
    ]
    lines += [_row(objective) for objective in objectives.objectives]
    return "\n".join(lines) + "\n"


def _row(objective: Objective) -> str:
    promise = f"{objective.target_percent:g}%"
    metric = f"`{objective.asked_counter}` without `{objective.failed}`"
    if objective.within_s is not None:
        promise += f" within {objective.within_s:g} s"
        metric = f"`{objective.good_counter}` of `{objective.asked_counter}`"
    alert = f"[{objective.alert}](runbook.md#{objective.alert.lower()})"
    return " | ".join(
        ("| " + objective.title, promise, objective.means, _escaped(metric), alert + " |")
    )


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|")
