"""A server for chats alone: what a shopping service in a cloud runs."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import Depends, FastAPI, Response, WebSocket
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection

from dialogue.limits.buckets import open_buckets
from gateway.body_limit import BodyLimit
from gateway.chat.routes import (
    LARGEST_UPLOAD_BYTES,
    UPLOADS,
    Spends,
    chat_routes,
    without_budget,
)
from gateway.chat.service import ChatHealth, ChatService
from gateway.client_address import ClientAddress
from gateway.errors import install_error_handlers
from gateway.identity import Identities, SignedInUser
from gateway.keys.guard import KeyGuard
from gateway.keys.key import KeyScope
from gateway.keys.opening import open_guard
from gateway.keys.routes import key_routes
from gateway.same_site import SameSite
from parley.app.agent import Agent
from parley.budgets import Budgets, Spent, budgets_of
from parley.settings import OrchestratorSettings


def create_chat_app(
    settings: OrchestratorSettings, *, load: Callable[[], Agent] | None = None
) -> FastAPI:
    """WS /ws/chat, sessions, /health, /metrics, and /debug/connections where `chat.debug`. The
    app is loaded before the first request. `load`: another agent than that of the settings."""
    registry = CollectorRegistry()
    service = ChatService(settings, registry, load=load)
    redis_url = settings.sessions_redis_url
    buckets = open_buckets(redis_url)
    guard = open_guard(
        settings.security,
        environment=settings.telemetry.environment,
        buckets=buckets,
        redis_url=redis_url,
    )

    budgets = budgets_of(settings)
    identities = Identities(settings.livekit.api_secret.get_secret_value())
    # A key has a limit of its own, and many people behind it.
    spends = without_budget if guard.required else _spending(budgets, identities)

    async def admits(websocket: WebSocket) -> bool:
        return await guard.socket_caller(websocket, KeyScope.CONVERSE) is not None

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncGenerator[None]:
        async with AsyncExitStack() as opened:
            opened.push_async_callback(buckets.aclose)
            opened.push_async_callback(budgets.aclose)
            opened.push_async_callback(guard.aclose)
            await opened.enter_async_context(service.running())
            await service.app()
            yield

    server = settings.server
    app = FastAPI(
        title="Parley chats",
        openapi_url=None,
        lifespan=running,
        middleware=[
            Middleware(SignedInUser, header=server.user_header, proxies=server.trusted_proxies),
            Middleware(ClientAddress, proxies=server.trusted_proxies),
            Middleware(SameSite, hosts=server.allowed_hosts, origins=server.allowed_origins),
            Middleware(BodyLimit, larger={UPLOADS: LARGEST_UPLOAD_BYTES}),
        ],
    )
    install_error_handlers(app)
    app.include_router(
        chat_routes(service, admits=admits, spends=spends).router(),
        dependencies=[Depends(conversing_caller(guard))],
    )
    app.include_router(key_routes(guard))

    _add_operations(app, service, registry)
    return app


def _add_operations(app: FastAPI, service: ChatService, registry: CollectorRegistry) -> None:
    @app.get("/health")
    async def health() -> ChatHealth:
        """200 as long as chats are served: what is away is told."""
        return await service.health()

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


def _spending(budgets: Budgets, identities: Identities) -> Spends:
    async def spends(connection: HTTPConnection) -> int | None:
        return await budgets.spend(Spent.MESSAGES, identities.of(connection))

    return spends


def conversing_caller(guard: KeyGuard) -> Callable[[HTTPConnection], Awaitable[None]]:
    """A FastAPI dependency of requests; a WebSocket is asked once it can be told why not."""

    async def caller(connection: HTTPConnection) -> None:
        if connection.scope["type"] == "http":
            await guard.caller(connection, KeyScope.CONVERSE)

    return caller
