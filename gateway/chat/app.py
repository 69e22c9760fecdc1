"""A server for chats alone: what a shopping service in a cloud runs."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus

from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.middleware import Middleware

from gateway.body_limit import BodyLimit
from gateway.chat.routes import LARGEST_UPLOAD_BYTES, UPLOADS, ChatRoutes
from gateway.chat.service import ChatHealth, ChatService
from gateway.client_address import ClientAddress
from gateway.errors import install_error_handlers
from gateway.same_site import SameSite
from parley.app.agent import Agent
from parley.settings import OrchestratorSettings


def create_chat_app(
    settings: OrchestratorSettings, *, load: Callable[[], Agent] | None = None
) -> FastAPI:
    """WS /ws/chat, sessions, /health, /metrics, and /debug/connections where `chat.debug`. The
    app is loaded before the first request. `load`: another agent than that of the settings."""
    registry = CollectorRegistry()
    service = ChatService(settings, registry, load=load)

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncGenerator[None]:
        async with service.running():
            await service.app()
            yield

    server = settings.server
    app = FastAPI(
        title="Parley chats",
        openapi_url=None,
        lifespan=running,
        middleware=[
            Middleware(ClientAddress, proxies=server.trusted_proxies),
            Middleware(SameSite, hosts=server.allowed_hosts, origins=server.allowed_origins),
            Middleware(BodyLimit, larger={UPLOADS: LARGEST_UPLOAD_BYTES}),
        ],
    )
    install_error_handlers(app)
    app.include_router(chat_routes(service).router())

    @app.get("/health")
    async def health(response: Response) -> ChatHealth:
        found = await service.health()
        if found.status != "healthy":
            response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
        return found

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return app


def chat_routes(service: ChatService) -> ChatRoutes:
    """As the settings want them."""
    settings = service.settings
    return ChatRoutes(
        service,
        uploads=settings.telemetry.environment == "development",
        debug=settings.chat.debug,
    )
