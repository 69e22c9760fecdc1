"""Counts what the gateway answers."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from parley.telemetry.gateway import GatewayMetrics


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
