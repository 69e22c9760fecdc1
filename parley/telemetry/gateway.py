"""The gateway's metrics, in a registry of each application's own."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    ProcessCollector,
    disable_created_metrics,
)

from parley.telemetry.event_loop import EventLoopTasks

disable_created_metrics()  # a second series beside every one


class GatewayMetrics:
    """Of one application; exported inside its event loop."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.registry.register(EventLoopTasks())
        self.requests = Counter(
            "gateway_requests",
            "HTTP requests answered; everything that is not the API counts as page",
            ["route", "status"],
            registry=self.registry,
        )
        for status in ("201", "503"):
            self.requests.labels("/api/token", status)  # 0, so that a rate sees the first
        self.tokens = Counter(
            "gateway_tokens",
            "Token requests; outcome granted, or the code of the refusal",
            ["outcome"],
            registry=self.registry,
        )
        self.redispatches = Counter(
            "gateway_redispatches",
            "Calls that had lost their agent; outcome dispatched, left_to_another or given_up",
            ["outcome"],
            registry=self.registry,
        )
