"""The gateway's HTTP application: page, tokens, voices, health, metrics."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from http import HTTPStatus
from pathlib import Path

from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.middleware import Middleware

from gateway.body_limit import BodyLimit
from gateway.calls.page import Page
from gateway.calls.routes import CallRoutes
from gateway.calls.tokens import CallTokens
from gateway.calls.voices import VoiceCatalog
from gateway.calls.watcher import watching_calls
from gateway.cross_origin import CrossOrigin
from gateway.errors import install_error_handlers
from gateway.operations.health import GatewayHealth, GatewayProbes
from gateway.operations.request_counting import RequestCounting
from gateway.rate_limit import RateLimit
from gateway.security_headers import SecurityHeaders
from parley import paths
from parley.clock import Clock, monotonic
from parley.settings import OrchestratorSettings
from parley.speech.channel import Channels
from parley.speech.configured import speech_discovery
from parley.telemetry.gateway import GatewayMetrics
from parley.tls import client_tls


def create_app(
    settings: OrchestratorSettings, *, page_folder: Path | None = None, clock: Clock = monotonic
) -> FastAPI:
    """The application; raises ConfigurationError when the settings cannot work."""
    server = settings.server
    tokens = CallTokens(settings.livekit, shared_rooms=server.rooms == "joint")
    speakers = speech_discovery(settings)
    catalog = VoiceCatalog(settings.tts.default_model, speakers, Channels(client_tls(settings.tls)))
    page = Page(page_folder or paths.repository() / "web" / "dist")
    metrics = GatewayMetrics()
    limit = RateLimit(per_minute=server.calls_per_minute, clock=clock)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with (
            speakers.watching(),
            aclosing(catalog),
            watching_calls(settings.livekit, metrics.redispatches),
        ):
            yield

    app = FastAPI(
        title="Parley gateway",
        openapi_url=None,
        lifespan=lifespan,
        middleware=[
            Middleware(RequestCounting, metrics=metrics),
            Middleware(CrossOrigin, origins=server.allowed_origins),
            Middleware(SecurityHeaders, livekit_url=tokens.url, embedders=server.allowed_origins),
            Middleware(BodyLimit),
        ],
    )
    install_error_handlers(app)
    CallRoutes(
        tokens, catalog, limit, metrics, apps=settings.agent.apps, agent=settings.livekit.agent_name
    ).add_to(app)
    _add_operation_routes(app, GatewayProbes(settings.livekit, catalog, page, clock=clock), metrics)
    app.router.default = page  # not a mount: a known address asked with a wrong method is a 405
    return app


def _add_operation_routes(app: FastAPI, probes: GatewayProbes, metrics: GatewayMetrics) -> None:
    @app.get("/health")
    async def health() -> GatewayHealth:
        """200 as long as the gateway serves; `checks` says what a call would lack."""
        return await probes.health()

    @app.get("/readiness")
    @app.get("/ready")
    async def readiness(response: Response) -> GatewayHealth:
        health = await probes.health()
        if health.status != "healthy":
            response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
        return health

    @app.get("/liveness")
    async def liveness() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/metrics")
    async def scrape() -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)
