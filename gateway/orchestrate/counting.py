"""Counts and times what the orchestrator answers."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from parley.clock import Clock, monotonic
from parley.telemetry.orchestrator import OrchestratorMetrics


class OrchestratorCounting:
    """ASGI middleware: each answer by its route's template and status."""

    def __init__(
        self, app: ASGIApp, *, metrics: OrchestratorMetrics, clock: Clock = monotonic
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        began_s, status = self._clock(), "101" if scope["type"] == "websocket" else "500"

        async def counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            elif message["type"] == "websocket.close":
                status = str(message.get("code", 1000))
            await send(message)

        try:
            await self._app(scope, receive, counted)
        finally:
            route = str(getattr(scope.get("route"), "path", "other"))
            self._metrics.requests.labels(route, status).inc()
            if scope["type"] == "http":
                self._metrics.request_duration.labels(route).observe(self._clock() - began_s)
