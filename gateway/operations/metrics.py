"""The gateway's own counters."""

from prometheus_client import CollectorRegistry, Counter, ProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class GatewayMetrics:
    """Counters in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "gateway_requests",
            "HTTP requests answered; everything that is not the API counts as page",
            ["route", "status"],
            registry=self.registry,
        )
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


class RequestCounting:
    """ASGI middleware: counts each answer by its route's template and status."""

    def __init__(self, app: ASGIApp, *, metrics: GatewayMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "page")
                self._metrics.requests.labels(route, str(message["status"])).inc()
            await send(message)

        await self._app(scope, receive, counted)
