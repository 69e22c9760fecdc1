"""Metrics of circuit breakers, in the registry of the process that has them."""

from prometheus_client import CollectorRegistry, Counter, Gauge

STATES = {"closed": 0, "half_open": 1, "open": 2}


class BreakerMetrics:
    """Of one process's breakers; a breaker's series begin with its first call."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.state = Gauge(
            "circuit_breaker_state",
            "As this process last saw it: 0 closed, 1 half-open, 2 open",
            ["name"],
            registry=registry,
            multiprocess_mode="livemax",
        )
        self.changes = Counter(
            "circuit_breaker_changes",
            "Changes of state, each counted by the process whose call made it",
            ["name", "to"],
            registry=registry,
        )
        self.calls = Counter(
            "circuit_breaker_calls",
            "Calls by what they came to: ok, failed, slow, cancelled, or refused, which were "
            "not made",
            ["name", "outcome"],
            registry=registry,
        )
