"""Metrics, summary and dashboards of a real Parley, as a real Prometheus has them after a call.

One call is made: the greeting is interrupted, and two things are looked up.
"""

import asyncio
import json
import math
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from prometheus_client import REGISTRY

from bench.stages import DELAY_S, StageSeconds
from ops.monitoring.documents import GRAFANA
from parley import paths
from parley.telemetry import agent as _registered  # noqa: F401
from testkit.fake_llm import FakeLlm
from testkit.prometheus_server import Series
from testkit.watched_parley import Watched, answered, clip, desk, interrupted, watched_parley
from tests.monitoring.conftest import Run, program

pytestmark = [pytest.mark.servers, pytest.mark.e2e]

LONG_S = 60.0
WINDOW = "10m"
"""In place of Grafana's: all of the run."""
STAGES = ("endpointing", "asr", "llm_first_token", "tts_first_audio", "total")
COUNTED = re.compile(r"\b(?:rate|irate|increase|delta|deriv)\(\s*([a-zA-Z_:][\w:]*)")
SUFFIX = re.compile(r"_(?:bucket|sum|count|total)$")


@dataclass(frozen=True)
class Called:
    watched: Watched
    began_s: float
    slowed: StageSeconds
    """The turn in which everything was slow."""


@pytest.fixture(scope="module")
def called(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Called]:
    program("prometheus")
    with watched_parley(tmp_path_factory.mktemp("watched")) as watched:
        began_s = time.time()
        until(lambda: len(watched.prometheus.now("up == 1")) == len(watched.ports))
        slowed = asyncio.run(one_call(watched))
        until(lambda: value(watched, "sum(session_duration_seconds_count)") >= 1)
        until(lambda: value(watched, "sum(sessions_active)") == 0)
        yield Called(watched, began_s, slowed)


async def one_call(watched: Watched) -> StageSeconds:
    interruption = await clip(watched, "Wait, stop. Where is my order number forty two?")
    question = await clip(watched, "And where is the other order of mine?")
    model = FakeLlm(desk)
    async with watched.call(model) as client:
        await interrupted(client, interruption)
        model.script = lambda messages: replace(desk(messages), first_after_s=DELAY_S)
        watched.tts_line.delay_s = watched.asr_line.delay_s = DELAY_S
        watched.tool_delay.write_text(str(DELAY_S))
        slowed, before = StageSeconds(), watched.samples("agent")
        await answered(client, question, tools=2)
        slowed.add("everything", before, watched.samples("agent"))
    watched.tts_line.delay_s = watched.asr_line.delay_s = 0.0
    return slowed


def until(condition: Callable[[], bool]) -> None:
    give_up_s = time.monotonic() + LONG_S
    while not condition():
        assert time.monotonic() < give_up_s, "it did not come to that"
        time.sleep(0.2)


def value(watched: Watched, expr: str) -> float:
    """Of an expression with one value; 0 where there is none."""
    found = watched.prometheus.now(expr)
    return found[0].points[0][1] if found else 0.0


HAPPENED = (
    "sum(synthesis_latency_seconds_count)",
    "sum(synthesis_total)",
    "sla_compliance_percent >= 0",
    "max_over_time(worker_utilization_percent{job='asr'}[10m])",
    "max_over_time(workers_idle[10m])",
    "max_over_time(sessions_active[10m])",
    "session_duration_seconds_count",
    "session_messages_total{role='user'}",
    "session_messages_total{role='assistant'}",
    "session_barge_ins_total",
    "barge_in_latency_seconds_count{stage='onset_to_decision'}",
    "barge_in_latency_seconds_count{stage='decision_to_silence'}",
    *(f"turn_latency_seconds_count{{stage='{stage}'}}" for stage in STAGES),
    "recognition_latency_seconds_count",
    "tool_latency_seconds_count{tool='order_status',outcome='done'}",
    "voice_warm",
    "min(max_over_time(part_up[10m]))",  # the model is served while somebody calls
    "worker_first_audio_seconds_count{job='tts'}",
    "worker_final_seconds_count{job='asr'}",
    "gateway_tokens_total{outcome='granted'}",
    "gateway_requests_total{route='/api/token',status='201'}",
    *(f"process_cpu_seconds_total{{job='{job}'}}" for job in ("agent", "tts", "asr", "gateway")),
)
"""Where this has happened in the call, it is not 0."""
PRESENT = (
    "worker_utilization_percent{job='tts'}",  # a short reply may lie between two scrapes
    "synthesis_queue_depth{job='tts'}",
    "recognition_queue_depth{job='asr'}",
    "workers_active",
    "synthesis_errors_total",
    "sla_violations_total",
)
"""It may be 0 and is told."""
ABSENT = (
    "{job!='tts',__name__='synthesis_queue_depth'}",
    "{job!~'tts|asr',__name__='worker_utilization_percent'}",
    "{job!='agent',__name__=~'synthesis_total|sla_.*|sessions?_.*|turn_.*|barge_in_.*|workers_.*'}",
    "{job!='gateway',__name__=~'gateway_.*'}",
    "{job!='asr',__name__=~'recognition_queue_depth|worker_final_.*'}",
    "{__name__=~'.*_created'}",
)
"""Of processes that have nothing to do with it."""


def test_what_has_happened_is_told_by_who_knows_it_and_by_nobody_else(called: Called) -> None:
    watched = called.watched
    assert [expr for expr in HAPPENED if not value(watched, expr)] == []
    assert [expr for expr in PRESENT if not watched.prometheus.now(expr)] == []
    assert [expr for expr in ABSENT if watched.prometheus.now(expr)] == []


@pytest.mark.parametrize("stage", ["recognition", "llm_first_token", "tool", "tts_first_audio"])
def test_a_delay_on_the_wire_shows_in_its_stage(called: Called, stage: str) -> None:
    """That it shows in no other is for a quiet machine to tell: `./run bench stages`."""
    (took_s,) = called.slowed.seconds["everything"][stage]
    assert took_s >= 0.99 * DELAY_S


def test_what_is_exported_is_as_prometheus_wants_it(called: Called, promtool: Run) -> None:
    for job in called.watched.ports:
        assert promtool("check", "metrics", stdin=called.watched.page(job)) == "", job


def test_the_summary_says_the_same(called: Called) -> None:
    watched = called.watched
    while (told := summarized(watched)) != counted(watched):  # what ended last is scraped next
        time.sleep(0.2)
    assert told["requested"]
    summary = watched.summary()
    for percent in (50, 95, 99):
        expr = f"1000 * histogram_quantile({percent / 100}, sum by (le) ({{}}))"
        first_audio = value(watched, expr.format("synthesis_latency_seconds_bucket"))
        assert summary["synthesis"][f"p{percent}_ms"] == pytest.approx(first_audio, abs=0.1)
        for stage in STAGES:
            of_stage = value(
                watched, expr.format(f"turn_latency_seconds_bucket{{stage='{stage}'}}")
            )
            assert summary["turn"][stage][f"p{percent}_ms"] == pytest.approx(of_stage, abs=0.1)


def summarized(watched: Watched) -> dict[str, float]:
    summary = watched.summary()
    return {
        "sla_violations": summary["sla_violations"],
        "sla_compliance_percent": summary["sla_compliance_percent"],
        "requested": summary["synthesis"]["requested"],
        "errors": summary["synthesis"]["errors"],
        "barge_ins": summary["barge_in"]["count"],
        "sessions_active": summary["sessions_active"],
        "messages": summary["messages"],
        "recognized": summary["recognition"]["count"],
        "tools": summary["tools"]["count"],
        "silences": summary["barge_in"]["silence"]["count"],
        **{stage: summary["turn"][stage]["count"] for stage in STAGES},
    }


def counted(watched: Watched) -> dict[str, float]:
    told_by = {
        "sla_violations": "sla_violations_total",
        "sla_compliance_percent": "sla_compliance_percent",
        "requested": "sum(synthesis_total)",
        "errors": "sum(synthesis_errors_total)",
        "barge_ins": "session_barge_ins_total",
        "sessions_active": "sum(sessions_active)",
        "messages": "sum(session_messages_total)",
        "recognized": "recognition_latency_seconds_count",
        "tools": "sum(tool_latency_seconds_count)",
        "silences": "barge_in_latency_seconds_count{stage='decision_to_silence'}",
        **{stage: f"turn_latency_seconds_count{{stage='{stage}'}}" for stage in STAGES},
    }
    return {name: value(watched, expr) for name, expr in told_by.items()}


def panels() -> list[tuple[str, dict[str, Any]]]:
    """Those of calls: tests/gateway/orchestrate has what the orchestrator's show."""
    found = []
    for file in sorted((paths.repository() / GRAFANA).glob("*.json")):
        if file.stem == "orchestrator":
            continue
        board = json.loads(file.read_text("utf-8"))
        found += [(board["title"], each) for each in board["panels"] if each["type"] != "row"]
    return found


def test_there_are_the_three_dashboards() -> None:
    assert {board for board, _ in panels()} == {
        "TTS Pipeline Metrics",
        "Conversations",
        "Workers and nodes",
    }


def has_value(series: list[Series]) -> bool:
    return any(math.isfinite(value) for each in series for _, value in each.points)


def test_every_panel_shows_something_in_a_unit_and_no_rate_of_a_gauge(called: Called) -> None:
    asked = called.watched.prometheus
    # What has never happened is not exported: its kind is known where it would be counted.
    kinds = {family.name: family.type for family in REGISTRY.collect()} | asked.kinds()
    wrong = []
    for board, panel in panels():
        name = f"{board}: {panel['title']}"
        if not panel["fieldConfig"]["defaults"].get("unit"):
            wrong.append(f"{name} has no unit")
        if not panel.get("description"):
            wrong.append(f"{name} does not say what it shows")
        for target in panel["targets"]:
            expr = target["expr"].replace("$__rate_interval", WINDOW)
            for counted in COUNTED.findall(expr):
                kind = kinds.get(counted) or kinds.get(SUFFIX.sub("", counted))
                if kind not in ("counter", "histogram"):
                    wrong.append(f"{name} takes the rate of {counted}, which is a {kind}")
            if not has_value(asked.since(expr, called.began_s)):
                wrong.append(f"{name} is empty: {expr}")
    assert len(panels()) > 30
    assert wrong == []
