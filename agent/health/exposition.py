"""The metrics of the agent's processes as one: for Prometheus, and for people."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from agent.health.metric_files import AllocatedDict
from agent.health.probes import Findings
from agent.health.process_tree import ProcessTree
from parley.rpc.v1 import status_pb2
from parley.telemetry.event_loop import EventLoopTasks

_ENDED = "ended"
"""Stands where a process's number stands in the name of a metrics file."""
_OF_THE_FRAMEWORK = "lk_agents_"
"""Labeled with host and process, so that every restart would add series; ours say the same."""


class JobMetrics:
    """What the job processes have recorded in `directory` (PROMETHEUS_MULTIPROC_DIR).

    A call is a process: when it has ended, its counts live on in one file for all that ended,
    and its gauges go, so neither the folder nor a scrape grows with the calls of a day.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def collect(self) -> list[Metric]:
        """The metrics of all processes, dead ones included."""
        self.reap()
        registry = CollectorRegistry()
        families = MultiProcessCollector(registry, path=str(self._directory)).collect()
        return [family for family in families if not family.name.startswith(_OF_THE_FRAMEWORK)]

    def reap(self) -> None:
        """Joins the files of the processes that have ended, so that they do not pile up."""
        files = list(self._directory.glob("*.db"))
        running = _own_processes()  # second: who writes the newest file is among them
        for file in files:
            kind, _, process = file.stem.rpartition("_")
            if process in running or process == _ENDED:
                continue
            if kind.startswith("gauge") or self._add_to_ended(kind, file):
                file.unlink(missing_ok=True)

    def _add_to_ended(self, kind: str, file: Path) -> bool:
        """False where the disk is full: the file is kept then, and counts as it is."""
        ended = AllocatedDict(str(self._directory / f"{kind}_{_ENDED}.db"))
        try:
            found = MmapedDict.read_all_values_from_file(str(file))
            return ended.add({key: value for key, value, _, _ in found})
        finally:
            ended.close()


def _own_processes() -> set[str]:
    """Numbers of this process and all under it: one that others got since is not among them."""
    own = psutil.Process()
    return {str(process.pid) for process in (own, *own.children(recursive=True))}


class Exposition(Collector):
    """Everything /metrics shows; `findings` are the latest of the probes."""

    def __init__(self, jobs: JobMetrics) -> None:
        self._jobs = jobs
        self._findings = Findings({})
        self._has_warm_voice: bool | None = None

    def text(self, findings: Findings, *, has_warm_voice: bool | None = None) -> bytes:
        """In Prometheus' text format; `has_warm_voice` None: nobody looked."""
        self._findings = findings
        self._has_warm_voice = has_warm_voice
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return generate_latest(registry)

    def collect(self) -> Iterator[Metric]:
        families = {family.name: family for family in self._jobs.collect()}
        yield from (families | {family.name: family for family in self._own(families)}).values()

    def _own(self, families: Mapping[str, Metric]) -> Iterator[Metric]:
        """What the process that watches knows better than those that work."""
        statuses = self._findings.synthesis
        active = sum(1 for status in statuses if status.in_flight)
        if (compliance := _compliance_percent(families)) is not None:
            yield GaugeMetricFamily(
                "sla_compliance_percent",
                "Share of all syntheses that were asked for with first audio within the SLA",
                compliance,
            )
        yield GaugeMetricFamily(
            "workers_active", "Healthy speech workers that are speaking", active
        )
        yield GaugeMetricFamily(
            "workers_idle", "Healthy speech workers that are not", len(statuses) - active
        )
        if self._has_warm_voice is not None:
            yield GaugeMetricFamily(
                "voice_warm",
                "1 where a healthy worker has the default voice in memory, or had it and has it "
                "on its disk",
                int(self._has_warm_voice),
            )
        parts = GaugeMetricFamily(
            "part_up",
            "1 where a part that calls need answers, or is not configured",
            labels=["part"],
        )
        for part, check in self._findings.checks.items():
            parts.add_metric([part], int(check.ok))
        yield parts
        yield from EventLoopTasks().collect()
        yield from ProcessTree().collect()

    def summary(self, findings: Findings) -> dict[str, Any]:
        """The same for people and scripts."""
        families = {family.name: family for family in self._jobs.collect()}
        statuses = findings.synthesis
        slots = sum(status.slots for status in statuses)
        latency = _Histogram(families.get("synthesis_latency_seconds"))
        barge_in = families.get("barge_in_latency_seconds")
        requested = _total(families.get("synthesis"))
        return {
            "worker_utilization_percent": _percent(sum(s.in_flight for s in statuses), slots)
            if slots
            else 0.0,
            "workers": [_worker(status) for status in (*statuses, *findings.recognition)],
            "sla_violations": _total(families.get("sla_violations")),
            "sla_compliance_percent": _compliance_percent(families),
            "synthesis": {
                "requested": requested,
                "errors": _total(families.get("synthesis_errors")),
                **latency.percentiles_ms(),
            },
            "turn": {
                stage: _Histogram(families.get("turn_latency_seconds"), stage).percentiles_ms()
                for stage in ("endpointing", "asr", "llm_first_token", "tts_first_audio", "total")
            },
            "recognition": {
                "errors": _total(families.get("recognition_errors")),
                **_Histogram(families.get("recognition_latency_seconds")).percentiles_ms(),
            },
            "tools": _Histogram(families.get("tool_latency_seconds")).percentiles_ms(),
            "answer_errors": _total(families.get("answer_errors")),
            "barge_in": {
                "count": _total(families.get("session_barge_ins")),
                **_Histogram(barge_in, "onset_to_decision").percentiles_ms(),
                "silence": _Histogram(barge_in, "decision_to_silence").percentiles_ms(),
            },
            "sessions_active": _total(families.get("sessions_active")),
            "messages": _total(families.get("session_messages")),
        }


def _worker(status: status_pb2.WorkerStatus) -> dict[str, Any]:
    return {
        "worker": status.worker_id,
        "engine": status.engine,
        "slots": status.slots,
        "in_flight": status.in_flight,
        "queue_depth": status.queue_depth,
    }


def _compliance_percent(families: Mapping[str, Metric]) -> float | None:
    """None where nothing was asked for."""
    asked = _total(families.get("synthesis"))
    violations = _total(families.get("sla_violations"))
    return _percent(asked - violations, asked) if asked else None


def _percent(part: float, whole: float) -> float:
    return round(100 * part / whole, 2)


def _total(family: Metric | None) -> float:
    if family is None:
        return 0.0
    return float(sum(s.value for s in family.samples if not s.name.endswith("_created")))


class _Histogram:
    """One histogram, all labels together but for the stage where one is given."""

    def __init__(self, family: Metric | None, stage: str | None = None) -> None:
        self._buckets: dict[float, float] = {}
        for sample in family.samples if family else ():
            is_wanted = stage is None or sample.labels.get("stage") == stage
            if sample.name.endswith("_bucket") and is_wanted:
                bound = float(sample.labels["le"])
                self._buckets[bound] = self._buckets.get(bound, 0.0) + sample.value

    @property
    def count(self) -> float:
        return max(self._buckets.values(), default=0.0)

    def percentiles_ms(self) -> dict[str, float | None]:
        return {"count": self.count} | {
            f"p{percent}_ms": self._quantile_ms(percent / 100) for percent in (50, 95, 99)
        }

    def _quantile_ms(self, quantile: float) -> float | None:
        """Linear within a bucket, as Prometheus does it; the last finite bound above that."""
        rank, below, lower = quantile * self.count, 0.0, 0.0
        if not self.count:
            return None
        for bound, cumulative in sorted(self._buckets.items()):
            if cumulative >= rank:
                if bound == float("inf"):
                    break
                share = (rank - below) / (cumulative - below) if cumulative > below else 1.0
                return round(1000 * (lower + share * (bound - lower)), 1)
            below, lower = cumulative, bound
        return round(1000 * lower, 1)
