"""The gateway's HTTP application: page, tokens, voices, health, metrics."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ConfigDict, Field
from starlette.middleware import Middleware

from gateway.body_limit import BodyLimit
from gateway.calls.page import Page
from gateway.calls.tokens import CallAccess, CallTokens
from gateway.calls.voices import VoiceCatalog, VoiceListing
from gateway.errors import ApiError, install_error_handlers
from gateway.operations.health import Health, Probes
from gateway.operations.metrics import GatewayMetrics, RequestCounting
from gateway.rate_limit import RateLimit
from gateway.security_headers import SecurityHeaders
from parley import paths
from parley.clock import Clock, monotonic
from parley.errors import SpeechError
from parley.settings import OrchestratorSettings
from parley.speech.channel import Channels
from parley.speech.configured import speech_discovery
from parley.tls import client_tls


class TokenRequest(BaseModel):
    """`voice` is a name that /api/voices lists; empty or absent: the default voice. `record`: the
    agent sends the caller what its turn-taking saw and decided."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    voice: Annotated[str, Field(max_length=200)] | None = None
    record: bool = False


class VoiceListings(BaseModel):
    model_config = ConfigDict(frozen=True)

    voices: tuple[VoiceListing, ...]


def create_app(
    settings: OrchestratorSettings, *, page_folder: Path | None = None, clock: Clock = monotonic
) -> FastAPI:
    """The application; raises ConfigurationError when the settings cannot work."""
    tokens = CallTokens(settings.livekit)
    speakers = speech_discovery(settings)
    catalog = VoiceCatalog(settings.tts.default_model, speakers, Channels(client_tls(settings.tls)))
    page = Page(page_folder or paths.repository() / "web" / "dist")
    metrics = GatewayMetrics()
    limit = RateLimit(per_minute=settings.server.calls_per_minute, clock=clock)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with speakers.watching(), aclosing(catalog):
            yield

    app = FastAPI(
        title="Parley gateway",
        openapi_url=None,
        lifespan=lifespan,
        middleware=[
            Middleware(RequestCounting, metrics=metrics),
            Middleware(SecurityHeaders, livekit_url=tokens.url),
            Middleware(BodyLimit),
        ],
    )
    install_error_handlers(app)
    _add_call_routes(app, tokens, catalog, limit, metrics)
    _add_operation_routes(app, Probes(settings.livekit, catalog, page, clock=clock), metrics)
    app.router.default = page  # not a mount: a known address asked with a wrong method is a 405
    return app


def _add_call_routes(
    app: FastAPI,
    tokens: CallTokens,
    catalog: VoiceCatalog,
    limit: RateLimit,
    metrics: GatewayMetrics,
) -> None:
    async def known_voices() -> tuple[VoiceListing, ...]:
        try:
            return await catalog.voices()
        except SpeechError as error:
            raise ApiError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "speech_unavailable",
                f"no speech worker can be asked for its voices: {error}",
                retry_after_s=2,
            ) from error

    async def check_voice(voice: str) -> None:
        names = [listing.name for listing in await known_voices()]
        if voice not in names:
            raise ApiError(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "unknown_voice",
                f"there is no voice {voice!r}; there are: {', '.join(names)}",
            )

    @app.post("/api/token")
    async def grant_token(
        request: Request, response: Response, wish: TokenRequest | None = None
    ) -> CallAccess:
        wait_s = limit.retry_after_s(request.client.host if request.client else "")
        try:
            if wait_s is not None:
                raise ApiError(
                    HTTPStatus.TOO_MANY_REQUESTS,
                    "rate_limited",
                    f"too many calls from this address; try again in {wait_s} s",
                    retry_after_s=wait_s,
                )
            voice = (wish and wish.voice) or ""
            if voice:
                await check_voice(voice)
        except ApiError as error:
            metrics.tokens.labels(error.code).inc()
            raise
        metrics.tokens.labels("granted").inc()
        response.headers["Cache-Control"] = "no-store"
        return tokens.grant(voice=voice, record=wish is not None and wish.record)

    @app.get("/api/voices")
    async def list_voices() -> VoiceListings:
        return VoiceListings(voices=await known_voices())


def _add_operation_routes(app: FastAPI, probes: Probes, metrics: GatewayMetrics) -> None:
    @app.get("/health")
    async def health() -> Health:
        """200 as long as the gateway serves; `checks` says what a call would lack."""
        return await probes.health()

    @app.get("/readiness")
    @app.get("/ready")
    async def readiness(response: Response) -> Health:
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
