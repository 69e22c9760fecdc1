"""What is written from the objectives is fresh, true to the metrics, and fires when it should."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

from ops.monitoring.burn_rates import BURNS, Burn
from ops.monitoring.documents import stale, write
from ops.monitoring.objectives import FILE, Objective, read_objectives
from parley import paths
from parley.errors import ConfigurationError
from parley.telemetry import agent
from parley.telemetry.gateway import GatewayMetrics
from tests.monitoring.conftest import Run

ROOT = paths.repository()
OBJECTIVES = read_objectives(ROOT / FILE)
INTERVAL_S = 120
SAMPLES = 73 * 3600 // INTERVAL_S


def test_what_is_written_from_the_objectives_is_what_they_say_now() -> None:
    assert stale(ROOT) == []


def test_another_promise_makes_them_stale_and_writing_makes_them_fresh(tmp_path: Path) -> None:
    for folder in ("monitoring", "docs"):
        (tmp_path / folder).mkdir()
    for file in (FILE, Path("monitoring/alerts.yml"), Path("docs/objectives.md")):
        (tmp_path / file).write_text((ROOT / file).read_text("utf-8"), "utf-8")
    write(tmp_path)
    assert stale(tmp_path) == []
    file = tmp_path / FILE
    file.write_text(file.read_text("utf-8").replace("within_s: 0.5", "within_s: 0.75"), "utf-8")
    names = {path.name for path in stale(tmp_path)}
    assert {"recording.yml", "alerts.yml", "objectives.md", "tts-pipeline.json"} <= names
    assert {path.name for path in write(tmp_path)} == names
    assert stale(tmp_path) == []
    assert "within 0.75 s" in (tmp_path / "docs" / "objectives.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ("window_days: 30\nobjectives: []\n", "objectives"),
        (
            "window_days: 30\nobjectives: [{name: a, title: A, means: b, target_percent: 99, "
            "minimum_events: 1}]\n",
            "needs either histogram and within_s, or failed and asked",
        ),
        (": :", "mapping"),
    ],
)
def test_an_objective_that_cannot_be_measured_is_an_error_that_names_the_file(
    tmp_path: Path, wrong: str, complaint: str
) -> None:
    file = tmp_path / "objectives.yml"
    file.write_text(wrong, "utf-8")
    with pytest.raises(ConfigurationError, match=complaint) as refused:
        read_objectives(file)
    assert str(file) in str(refused.value)


def test_every_promise_is_the_bound_of_a_bucket() -> None:
    families = {family.name: family for family in (*REGISTRY.collect(),)}
    for objective in OBJECTIVES.objectives:
        if objective.within_s is None:
            continue
        histogram = getattr(agent, objective.histogram)
        assert objective.histogram in families
        assert objective.within_s in histogram._kwargs.get("buckets", histogram._upper_bounds)
    assert OBJECTIVES.objectives[0].within_s == agent.SLA_FIRST_AUDIO_S


def test_availability_counts_what_the_gateway_counts() -> None:
    (objective,) = [each for each in OBJECTIVES.objectives if each.failed]
    names = {f"{family.name}_total" for family in GatewayMetrics().registry.collect()}
    for selector in (objective.failed, objective.asked):
        assert selector.partition("{")[0] in names


def concrete(selector: str, status: str = "") -> str:
    """One series that the selector finds."""
    return selector.replace('status=~"201|5.."', f'status="{status}"').replace(
        'status=~"5.."', f'status="{status}"'
    )


def series(objective: Objective, *, bad_share: float, every: float) -> list[dict[str, str]]:
    """Of `every` requests an interval so many are not as promised."""
    bad = bad_share * every

    def counting(step: float) -> str:
        return f"0+{step:g}x{SAMPLES}"

    if objective.failed:
        return [
            {"series": concrete(objective.asked, "201"), "values": counting(every - bad)},
            {"series": concrete(objective.failed, "503"), "values": counting(bad)},
        ]
    return [
        {"series": objective.asked_counter, "values": counting(every)},
        {"series": objective.good_counter, "values": counting(every - bad)},
    ]


@dataclass(frozen=True)
class Traffic:
    """`over`: how much of the limit is bad, None: all; `minimum`: how much of an alert's minimum
    comes in its long window."""

    over: float | None
    minimum: float
    fires: bool


TRAFFIC = {
    "over the limit": Traffic(1.2, 50, fires=True),
    "under the limit": Traffic(0.8, 50, fires=False),
    "all bad, but few": Traffic(None, 0.5, fires=False),
    "none": Traffic(0.0, 0.0, fires=False),
}


def case(burn: Burn, traffic: Traffic) -> dict[str, Any]:
    given: list[dict[str, str]] = []
    for objective in OBJECTIVES.objectives:
        share = 1.0 if traffic.over is None else traffic.over * burn.rate * objective.budget
        every = traffic.minimum * objective.minimum_events / (burn.hours * 3600 / INTERVAL_S)
        given += series(objective, bad_share=min(1.0, share), every=every)
    firing = f'burn_rate="{burn.rate}", alertstate="firing"'
    expected = [
        {"labels": f'{{alertname="{objective.alert}"}}', "value": 1}
        for objective in OBJECTIVES.objectives
    ]
    return {
        "interval": f"{INTERVAL_S}s",
        "input_series": given,
        "promql_expr_test": [
            {
                "expr": f"count by (alertname) (ALERTS{{{firing}}})",
                "eval_time": f"{burn.hours}h",
                "exp_samples": expected if traffic.fires else [],
            }
        ],
    }


@pytest.mark.parametrize("traffic", TRAFFIC.values(), ids=TRAFFIC)
@pytest.mark.parametrize("burn", BURNS, ids=lambda burn: str(burn.rate))
def test_a_budget_that_burns_too_fast_is_told_and_one_that_does_not_is_not(
    promtool: Run, tmp_path: Path, burn: Burn, traffic: Traffic
) -> None:
    rules = [ROOT / "monitoring" / name for name in ("recording.yml", "alerts.yml")]
    groups = [
        group["name"]
        for file in rules
        for group in yaml.safe_load(file.read_text("utf-8"))["groups"]
    ]
    file = tmp_path / "cases.yml"
    tests = {
        "rule_files": [str(rule) for rule in rules],
        "evaluation_interval": "1h",
        "group_eval_order": groups,
        "tests": [case(burn, traffic)],
    }
    file.write_text(yaml.safe_dump(tests), "utf-8")
    promtool("test", "rules", str(file))
