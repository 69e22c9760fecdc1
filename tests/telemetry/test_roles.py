"""Each process exports what it records, and nothing that is always 0 because others record it."""

import json
import subprocess
import sys

import pytest
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.exposition import choose_encoder

from parley import paths
from parley.telemetry import agent
from parley.telemetry.breakers import BreakerMetrics
from parley.telemetry.gateway import GatewayMetrics
from parley.telemetry.models import ModelMetrics
from parley.telemetry.worker import (
    final_latency,
    first_audio_latency,
    recognition_metrics,
    synthesis_metrics,
)
from workers.serving.admission import Slots

OF_THE_AGENT = {
    "synthesis_latency_seconds",
    "synthesis",
    "synthesis_withdrawn",
    "synthesis_errors",
    "recognition_latency_seconds",
    "recognition_errors",
    "tool_latency_seconds",
    "answer_errors",
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
    assert exported(generate_latest(synthesis_metrics(slots, first_audio_latency()))) == {
        *OF_A_WORKER,
        "synthesis_queue_depth",
        "worker_first_audio_seconds",
    }


async def test_a_decode_that_waits_is_no_synthesis_that_waits() -> None:
    slots = Slots(2, queue_wait_s=0.0)
    registry = recognition_metrics(slots, lambda: 3, final_latency())
    assert exported(generate_latest(registry)) == {
        *OF_A_WORKER,
        "recognition_queue_depth",
        "worker_final_seconds",
    }
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
    asking = CollectorRegistry()
    BreakerMetrics(asking)
    ModelMetrics(asking)
    registries = (
        REGISTRY,
        GatewayMetrics().registry,
        asking,
        synthesis_metrics(slots, first_audio_latency()),
        recognition_metrics(slots, lambda: 0, final_latency()),
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


def test_a_bucket_shows_the_trace_of_one_that_fell_into_it() -> None:
    latency = first_audio_latency()
    registry = synthesis_metrics(Slots(1, queue_wait_s=0.0), latency)
    latency.observe(0.07, trace_id="4bf92f3577b34da6a3ce929d0e0e4736")
    latency.observe(0.3, trace_id="")
    encode, content_type = choose_encoder("application/openmetrics-text; version=1.0.0")
    lines = encode(registry).decode().splitlines()
    shown = [line for line in lines if " # " in line and not line.startswith("#")]
    assert content_type.startswith("application/openmetrics-text")
    assert len(shown) == 1
    assert shown[0].startswith('worker_first_audio_seconds_bucket{le="0.1"} 1.0 # ')
    assert 'trace_id="4bf92f3577b34da6a3ce929d0e0e4736"' in shown[0]
