"""Each process exports what it records, and nothing that is always 0 because others record it."""

import json
import subprocess
import sys

import pytest
from prometheus_client import REGISTRY, generate_latest

from parley import paths
from parley.telemetry import agent
from parley.telemetry.gateway import GatewayMetrics
from parley.telemetry.worker import recognition_metrics, synthesis_metrics
from workers.serving.admission import Slots

OF_THE_AGENT = {
    "synthesis_latency_seconds",
    "synthesis",
    "synthesis_withdrawn",
    "synthesis_errors",
    "sla_violations",
    "sessions_active",
    "session_duration_seconds",
    "session_messages",
    "session_barge_ins",
    "playout_underruns",
    "reply_text_waits",
    "barge_in_latency_seconds",
    "turn_latency_seconds",
}
OF_A_WORKER = {"worker_utilization_percent"}
OF_EVERY_PROCESS = ("process_", "python_", "event_loop_", "lk_agents_")
"""The framework's are registered with it, and not exported."""

REGISTERED = """
import importlib, json, sys
for module in sys.argv[1:]:
    importlib.import_module(module)
from prometheus_client import REGISTRY
print(json.dumps(sorted({family.name for family in REGISTRY.collect()})))
"""


def registered(*modules: str) -> set[str]:
    """By a process that has imported these, beside what is of every process."""
    listed = subprocess.run(
        [sys.executable, "-c", REGISTERED, *modules], check=True, capture_output=True, timeout=120
    ).stdout
    return {name for name in json.loads(listed) if not name.startswith(OF_EVERY_PROCESS)}


def exported(page: bytes) -> set[str]:
    names = {line.split()[2] for line in page.decode().splitlines() if line.startswith("# TYPE")}
    return {name for name in names if not name.startswith(OF_EVERY_PROCESS)}


def test_a_job_process_registers_the_agents_metrics_alone() -> None:
    assert registered("agent.server", "agent.preload") == OF_THE_AGENT


@pytest.mark.parametrize("part", ["workers.tts", "workers.asr", "gateway.app"])
def test_no_other_process_registers_them(part: str) -> None:
    assert not registered(part)


def test_a_synthesis_worker_exports_its_own_queue() -> None:
    slots = Slots(2, queue_wait_s=0.0)
    assert exported(generate_latest(synthesis_metrics(slots))) == {
        *OF_A_WORKER,
        "synthesis_queue_depth",
    }


async def test_a_decode_that_waits_is_no_synthesis_that_waits() -> None:
    slots = Slots(2, queue_wait_s=0.0)
    registry = recognition_metrics(slots, lambda: 3)
    assert exported(generate_latest(registry)) == {*OF_A_WORKER, "recognition_queue_depth"}
    async with slots.admitted():
        assert registry.get_sample_value("recognition_queue_depth") == 3
        assert registry.get_sample_value("worker_utilization_percent") == 50
    assert registry.get_sample_value("worker_utilization_percent") == 0


@pytest.mark.parametrize(
    ("objectives_s", "buckets_s"),
    [
        ((agent.SLA_FIRST_AUDIO_S,), agent.FIRST_AUDIO_BUCKETS_S),
        ((agent.SILENCE_S, *agent.ONSET_TO_SILENCE_S), agent.BARGE_IN_BUCKETS_S),
        (agent.RESPONSE_S, agent.TURN_BUCKETS_S),
    ],
)
def test_every_objective_is_the_bound_of_a_bucket(
    objectives_s: tuple[float, ...], buckets_s: tuple[float, ...]
) -> None:
    assert set(objectives_s) <= set(buckets_s)
    assert list(buckets_s) == sorted(buckets_s)


def test_every_metric_is_on_its_page() -> None:
    page = (paths.repository() / "docs" / "metrics.md").read_text("utf-8")
    slots = Slots(1, queue_wait_s=0.0)
    registries = (
        REGISTRY,
        GatewayMetrics().registry,
        synthesis_metrics(slots),
        recognition_metrics(slots, lambda: 0),
    )
    names = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for registry in registries
        for family in registry.collect()
        if not family.name.startswith(OF_EVERY_PROCESS)
    }
    missing = {name for name in names if f"`{name}`" not in page}
    assert len(names) > 15
    assert not missing
