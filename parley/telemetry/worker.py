"""The metrics of a speech worker, made from its state when they are asked for.

Each kind of worker has its own: a queue of syntheses is no queue of decodes.
"""

from collections.abc import Callable, Iterator
from typing import Protocol

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from parley.telemetry.event_loop import EventLoopTasks


class Occupancy(Protocol):
    """How full a worker is, as its slots tell it."""

    @property
    def count(self) -> int: ...

    @property
    def in_flight(self) -> int: ...

    @property
    def queue_depth(self) -> int: ...


def synthesis_metrics(slots: Occupancy) -> CollectorRegistry:
    """What a synthesis worker exports."""
    queue = "synthesis_queue_depth", "Texts and new streams that wait for a slot"
    return _registry(_WorkerGauges(slots, *queue, lambda: slots.queue_depth))


def recognition_metrics(slots: Occupancy, waiting: Callable[[], int]) -> CollectorRegistry:
    """What a recognition worker exports; `waiting`: the decodes that have not begun."""
    queue = "recognition_queue_depth", "Decodes that somebody waits for and that have not begun"
    return _registry(_WorkerGauges(slots, *queue, waiting))


def _registry(gauges: Collector) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(gauges)
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
