"""What `./run top` makes of two scrapes."""

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from ops.monitoring.recent import Recent, Scrape


class Process:
    """Metrics as a process exports them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.turns = Counter("turns", "x", ["role"], registry=self.registry)
        self.latency = Histogram(
            "latency_seconds", "x", ["stage"], buckets=(0.1, 0.2, 0.4), registry=self.registry
        )

    def scrape(self, at_s: float) -> Scrape:
        return Scrape.of(generate_latest(self.registry).decode(), at_s=at_s)


def test_only_what_came_within_the_window_counts() -> None:
    process, recent = Process(), Recent(60)
    for _ in range(100):
        process.latency.labels("total").observe(5)
    process.turns.labels("user").inc(7)
    recent.add(process.scrape(0))
    assert recent.quantile_s("latency_seconds", 0.5, stage="total") is None
    for waited_s in (0.15, 0.15, 0.15, 0.3):
        process.latency.labels("total").observe(waited_s)
    process.latency.labels("other").observe(0.05)
    process.turns.labels("user").inc(2)
    process.turns.labels("agent").inc(9)
    recent.add(process.scrape(30))
    assert recent.seconds == 30
    assert recent.increase("turns_total", role="user") == 2
    assert recent.increase("turns_total") == 11
    assert recent.quantile_s("latency_seconds", 0.75, stage="total") == pytest.approx(0.2)
    assert recent.quantile_s("latency_seconds", 0.5, stage="total") == pytest.approx(
        0.1667, abs=1e-3
    )
    assert recent.quantile_s("latency_seconds", 0.95, stage="total") == pytest.approx(0.36)
    recent.add(process.scrape(85))
    recent.add(process.scrape(91))
    assert recent.increase("turns_total", role="user") == 0, "it was more than a minute ago"


def test_what_lies_above_all_bounds_is_told_as_the_last_one() -> None:
    process, recent = Process(), Recent(60)
    recent.add(process.scrape(0))
    process.latency.labels("total").observe(99)
    recent.add(process.scrape(2))
    assert recent.quantile_s("latency_seconds", 0.95, stage="total") == 0.4


def test_a_process_that_began_anew_counts_from_nothing() -> None:
    process, recent = Process(), Recent(60)
    process.turns.labels("user").inc(40)
    process.latency.labels("total").observe(0.3)
    process.latency.labels("total").observe(0.3)
    recent.add(process.scrape(0))
    process = Process()
    process.turns.labels("user").inc(3)
    process.latency.labels("total").observe(0.15)
    recent.add(process.scrape(2))
    assert recent.increase("turns_total", role="user") == 3
    assert 0.1 < (recent.quantile_s("latency_seconds", 0.5, stage="total") or 0) <= 0.2
