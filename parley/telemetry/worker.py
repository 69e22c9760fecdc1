"""The metrics of a speech worker, made from its state when they are asked for.

Each kind of worker has its own: a queue of syntheses is no queue of decodes.
"""

from collections.abc import Callable, Iterator
from typing import Protocol

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from parley.telemetry.event_loop import EventLoopTasks

disable_created_metrics()  # a second series beside every one

LATENCY_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0)


class Occupancy(Protocol):
    """How full a worker is, as its slots tell it."""

    @property
    def count(self) -> int: ...

    @property
    def in_flight(self) -> int: ...

    @property
    def queue_depth(self) -> int: ...


class WorkerLatency:
    """A histogram of what one worker took; each bucket shows the trace of one that fell into it."""

    def __init__(self, name: str, about: str) -> None:
        self.histogram = Histogram(name, about, buckets=LATENCY_BUCKETS_S, registry=None)

    def observe(self, seconds: float, *, trace_id: str) -> None:
        """`trace_id` empty: the request belongs to no trace."""
        self.histogram.observe(seconds, {"trace_id": trace_id} if trace_id else None)


def first_audio_latency() -> WorkerLatency:
    """Of a synthesis worker."""
    return WorkerLatency(
        "worker_first_audio_seconds",
        "The first text of an utterance is there to its first audio, waiting for a slot included",
    )


def final_latency() -> WorkerLatency:
    """Of a recognition worker."""
    return WorkerLatency("worker_final_seconds", "A turn has ended to its FINAL")


def synthesis_metrics(slots: Occupancy, latency: WorkerLatency) -> CollectorRegistry:
    """What a synthesis worker exports."""
    queue = "synthesis_queue_depth", "Texts and new streams that wait for a slot"
    return _registry(_WorkerGauges(slots, *queue, lambda: slots.queue_depth), latency)


def recognition_metrics(
    slots: Occupancy, waiting: Callable[[], int], latency: WorkerLatency
) -> CollectorRegistry:
    """What a recognition worker exports; `waiting`: the decodes that have not begun."""
    queue = "recognition_queue_depth", "Decodes that somebody waits for and that have not begun"
    return _registry(_WorkerGauges(slots, *queue, waiting), latency)


def _registry(gauges: Collector, latency: WorkerLatency) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(gauges)
    registry.register(latency.histogram)
    registry.register(EventLoopTasks())
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    return registry


class _WorkerGauges(Collector):
    def __init__(
        self, slots: Occupancy, queue: str, about: str, waiting: Callable[[], int]
    ) -> None:
        self._slots = slots
        self._queue = queue
        self._about = about
        self._waiting = waiting

    def collect(self) -> Iterator[Metric]:
        in_use = 100 * self._slots.in_flight / self._slots.count
        yield GaugeMetricFamily(self._queue, self._about, self._waiting())
        yield GaugeMetricFamily("worker_utilization_percent", "Slots in use, of all", in_use)
