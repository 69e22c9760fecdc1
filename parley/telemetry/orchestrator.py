"""The orchestrator's metrics, in a registry of each application's own, and their JSON."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)

from parley.clock import Clock, monotonic
from parley.telemetry.event_loop import EventLoopTasks

disable_created_metrics()

_FAST_S = (0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.15, 0.2, 0.3, 0.4, 0.465)
STAGE_BUCKETS_S = (*_FAST_S, 0.55, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0)
STAGES = ("stt", "intent", "retrieval", "parallel", "llm", "llm_first_token", "tts", "total")


class StageTimesMs(Protocol):
    """Where the time of a turn went, in milliseconds."""

    @property
    def stt_ms(self) -> float: ...
    @property
    def intent_ms(self) -> float: ...
    @property
    def rag_ms(self) -> float: ...
    @property
    def parallel_ms(self) -> float: ...
    @property
    def llm_ms(self) -> float: ...
    @property
    def llm_first_token_ms(self) -> float: ...
    @property
    def tts_ms(self) -> float: ...
    @property
    def total_ms(self) -> float: ...


class OrchestratorMetrics:
    """Of one application; exported inside its event loop."""

    def __init__(self, *, clock: Clock = monotonic) -> None:
        registry = self.registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        registry.register(EventLoopTasks())
        self._clock = clock
        self._since_s = clock()
        self._turns, self._latency_ms, self._failed = 0, 0.0, 0
        self._interrupts = 0
        self._left_out = 0
        self.requests = Counter(
            "orchestrator_requests",
            "HTTP requests answered, by route and status; a WebSocket counts when it ends",
            ["route", "status"],
            registry=registry,
        )
        self.request_duration = Histogram(
            "orchestrator_request_duration_seconds",
            "From an HTTP request until its answer has left",
            ["route"],
            buckets=STAGE_BUCKETS_S,
            registry=registry,
        )
        self.active_pipelines = Gauge(
            "orchestrator_active_pipelines", "Turns that are being thought about", registry=registry
        )
        self.active_sessions = Gauge(
            "orchestrator_active_sessions", "Sessions that this process holds", registry=registry
        )
        self.stage = Histogram(
            "orchestrator_stage_seconds",
            "How long each stage of a turn took; those that were not asked for are left out",
            ["stage"],
            buckets=STAGE_BUCKETS_S,
            registry=registry,
        )
        self.turns = Counter(
            "orchestrator_turns",
            "Turns answered; outcome ok or failed",
            ["outcome"],
            registry=registry,
        )
        self.transitions = Counter(
            "orchestrator_transitions", "Changes of state", ["old", "new"], registry=registry
        )
        self.interrupts = Counter(
            "orchestrator_interrupts", "Answers that the person has cut short", registry=registry
        )
        self.left_out = Counter(
            "orchestrator_left_out",
            "What an answer did without: intent, retrieval or speech, and why: late or failed",
            ["what", "why"],
            registry=registry,
        )
        self.errors = Counter(
            "orchestrator_errors",
            "Errors that a client was or could be told",
            ["code"],
            registry=registry,
        )
        self._begin_at_zero()

    def _begin_at_zero(self) -> None:
        """So that a rate sees the first of each."""
        for outcome in ("ok", "failed"):
            self.turns.labels(outcome)
        for what in ("intent", "retrieval"):
            for why in ("late", "failed"):
                self.left_out.labels(what, why)

    @property
    def uptime_s(self) -> float:
        return self._clock() - self._since_s

    @contextmanager
    def thinking(self) -> Iterator[None]:
        """Around the making of one answer."""
        with self.active_pipelines.track_inprogress():
            yield

    def answered(self, times: StageTimesMs, failures: Sequence[str]) -> None:
        """A turn has its answer."""
        self.turns.labels("failed" if failures else "ok").inc()
        for code in failures:
            self.failed(code)
        self._turns += 1
        self._latency_ms += times.total_ms
        measured = (
            times.stt_ms,
            times.intent_ms,
            times.rag_ms,
            times.parallel_ms,
            times.llm_ms,
            times.llm_first_token_ms,
            times.tts_ms,
            times.total_ms,
        )
        for stage, took_ms in zip(STAGES, measured, strict=True):
            if took_ms > 0:
                self.stage.labels(stage).observe(took_ms / 1000)

    def failed(self, code: str) -> None:
        """An error of this code has happened."""
        self._failed += 1
        self.errors.labels(code).inc()

    def left(self, what: str, why: str) -> None:
        """An answer went without it."""
        self._left_out += 1
        self.left_out.labels(what, why).inc()

    def summary(self, *, active_sessions: int) -> dict[str, float | int]:
        """As GET /metrics/summary has it: of this process, since it began."""
        turns = self._turns
        return {
            "active_sessions": active_sessions,
            "uptime_seconds": round(self.uptime_s, 3),
            "total_turns": turns,
            "avg_latency_ms": round(self._latency_ms / turns, 1) if turns else 0.0,
            "errors": self._failed,
            "left_out": self._left_out,
        }
