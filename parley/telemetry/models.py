"""Metrics of the providers of language models, in the registry of the process that asks them."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

FIRST_PIECE_BUCKETS_S = (0.05, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0)


class ModelMetrics:
    """Of one process; a provider's series begin with its first request."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "model_requests",
            "Requests to a provider by what they came to: ok, overtaken by another provider, "
            "cancelled, left_alone by its circuit breaker, rate_limited by us, or the code of the "
            "error",
            ["provider", "outcome"],
            registry=registry,
        )
        self.first_piece = Histogram(
            "model_first_piece_seconds",
            "A request begins to the first piece of its answer",
            ["provider"],
            buckets=FIRST_PIECE_BUCKETS_S,
            registry=registry,
        )
        self.healthy = Gauge(
            "model_provider_healthy",
            "1: its last check or use succeeded; 0: it refuses our key, or was not there",
            ["provider"],
            registry=registry,
            multiprocess_mode="livemin",
        )
