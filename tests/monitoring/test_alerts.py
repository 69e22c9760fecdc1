"""Each alert fires when it should, is quiet when it should, and says what to do."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from parley import paths
from tests.monitoring.conftest import Run

ROOT = paths.repository()
FOLDER = ROOT / "monitoring"
CONTRACT = {
    "HighSynthesisLatency": "warning",
    "LowSLACompliance": "critical",
    "HighErrorRate": "warning",
    "WorkerDown": "critical",
    "NoWarmVoice": "critical",
    "BargeInSlow": "warning",
    "QueueDeep": "warning",
}


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load((FOLDER / "alerts.yml").read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def checks() -> list[dict[str, Any]]:
    tests = yaml.safe_load((FOLDER / "alerts_test.yml").read_text("utf-8"))["tests"]
    return [check for test in tests for check in test["promql_expr_test"]]


def own_alerts() -> list[str]:
    """Those that are not made from the objectives."""
    return [rule["alert"] for rule in alerts() if not rule["alert"].endswith("BurnRate")]


def test_the_rules_are_well_formed(promtool: Run) -> None:
    promtool("check", "rules", str(FOLDER / "recording.yml"), str(FOLDER / "alerts.yml"))


def test_alerts_fire_and_stay_quiet_as_their_cases_say(promtool: Run) -> None:
    assert "SUCCESS" in promtool("test", "rules", str(FOLDER / "alerts_test.yml"))


@pytest.mark.parametrize(("right", "wrong"), [("expr: ", "expr: sum(("), ("for: 5m", "for: 50m")])
def test_a_mistake_in_the_rules_would_be_found(
    promtool: Run, tmp_path: Path, right: str, wrong: str
) -> None:
    """One that is no rule, and one that is another."""
    for file in FOLDER.glob("*.yml"):
        shutil.copy(file, tmp_path)
    alerts_file = tmp_path / "alerts.yml"
    alerts_file.write_text(alerts_file.read_text("utf-8").replace(right, wrong, 1))
    with pytest.raises(AssertionError):
        promtool("test", "rules", str(tmp_path / "alerts_test.yml"))


def test_the_contracts_alerts_are_there() -> None:
    severities = {rule["alert"]: rule["labels"]["severity"] for rule in alerts()}
    assert CONTRACT.items() <= severities.items()


@pytest.mark.parametrize("alert", own_alerts())
def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not(alert: str) -> None:
    named = [check for check in checks() if f'"{alert}"' in check["expr"] or alert in check["expr"]]
    assert [check for check in named if check["exp_samples"]], "fires nowhere"
    assert [check for check in named if not check["exp_samples"]] or [
        check
        for check in checks()
        if check["expr"].startswith("ALERTS") and not check["exp_samples"]
    ], "is quiet nowhere"


def test_every_alert_is_told_with_what_to_do() -> None:
    page = (ROOT / "docs" / "runbook.md").read_text("utf-8")
    entries = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))
    for rule in alerts():
        name, annotations = rule["alert"], rule["annotations"]
        assert annotations["runbook_url"] == f"docs/runbook.md#{name.lower()}"
        assert annotations["summary"], name
        assert annotations["description"], name
        assert name in entries, f"{name} has no entry"
        assert "**Look" in entries[name], name
        assert re.search(r"\*\*(Do|Look and do)", entries[name]), name
    assert set(entries) == {rule["alert"] for rule in alerts()}


def test_nobody_is_called_without_a_pause_in_which_it_may_be_over() -> None:
    hasty = [
        rule["alert"]
        for rule in alerts()
        if "for" not in rule and not rule["alert"].endswith("BurnRate")
    ]
    assert hasty == []
