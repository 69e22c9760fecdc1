"""The gateway's HTTP application: page, tokens, voices, health."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from pathlib import Path

from fastapi import FastAPI, HTTPException, Response
from fastapi.responses import FileResponse
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection

from gateway.body_limit import BodyLimit
from gateway.calls.about import AboutBook
from gateway.calls.agents import AgentServers
from gateway.calls.budgets import CallBudgets, CallMeter
from gateway.calls.door import Door
from gateway.calls.page import Page
from gateway.calls.places import OwnPlaces, SharedPlaces
from gateway.calls.previews import VoicePreviews
from gateway.calls.routes import CallRoutes
from gateway.calls.tokens import CallTokens
from gateway.calls.voices import VoiceCatalog
from gateway.calls.waiting import WaitingCalls
from gateway.calls.watcher import watching_calls
from gateway.chat.routes import LARGEST_UPLOAD_BYTES, UPLOADS, chat_routes
from gateway.chat.service import ChatService
from gateway.client_address import ClientAddress
from gateway.cross_origin import CrossOrigin
from gateway.errors import install_error_handlers
from gateway.identity import Identities, SignedInUser
from gateway.operations.health import GatewayProbes, PublicHealth
from gateway.operations.private_port import private_port
from gateway.operations.request_counting import RequestCounting
from gateway.rate_limit import RateLimit
from gateway.records.own import OwnRecording
from gateway.records.routes import RecordRoutes
from gateway.same_site import SameSite
from gateway.security_headers import SecurityHeaders
from parley import paths
from parley.budgets import Spent, budgets_of
from parley.clock import Clock, monotonic
from parley.errors import ConfigurationError
from parley.settings import OrchestratorSettings
from parley.speech.channel import Channels
from parley.speech.configured import speech_discovery
from parley.telemetry.gateway import GatewayMetrics
from parley.tls import client_tls


class _Parts:
    """What the routes stand on; `running` as long as requests are served."""

    def __init__(self, settings: OrchestratorSettings, page_folder: Path | None, clock: Clock):
        server = settings.server
        if server.user_header and not server.trusted_proxies:
            raise ConfigurationError(
                "server.user_header names who has signed in, but server.trusted_proxies is empty: "
                "nobody is believed"
            )
        self._livekit = settings.livekit
        self._speakers = speech_discovery(settings)
        self.tokens = CallTokens(settings.livekit, shared_rooms=server.rooms == "joint")
        self.voices = VoiceCatalog(
            settings.tts.default_model,
            self._speakers,
            Channels(client_tls(settings.tls)),
            offered=settings.tts.voices,
            clock=clock,
        )
        self.previews = VoicePreviews(settings, self.voices, clock=clock)
        page_folder = page_folder or paths.repository() / "web" / "dist"
        self.page = Page(page_folder)
        self._chat_page = page_folder / "chat.html"
        self.records = RecordRoutes(settings.record, settings.livekit.api_secret, page_folder)
        self.own_recording = OwnRecording(settings.record, self.records.store, self.tokens.sessions)
        self.metrics = GatewayMetrics()
        self.chats = ChatService(settings, self.metrics.registry)
        counted = server.admission == "counted"
        self._agents = AgentServers(settings.agent_targets, clock=clock) if counted else None
        self._waiting = WaitingCalls()
        shared = settings.redis.url
        self._places = SharedPlaces(shared, clock=clock) if shared else OwnPlaces(clock=clock)
        self.door = Door(self._agents, self._waiting, self._places) if self._agents else None
        self.limit = RateLimit(per_minute=server.calls_per_minute, clock=clock)
        self._identities = Identities(settings.livekit.api_secret.get_secret_value())
        self._budgets = budgets_of(settings, clock=clock)
        self._meter = CallMeter(self._budgets, clock=clock)
        self.call_budgets = CallBudgets(self._budgets, self._meter, self._identities)
        self.probes = GatewayProbes(
            settings.livekit, self.voices, self.page, self._agents, clock=clock
        )
        self.about = AboutBook(settings, self.voices, self._speakers, self.probes, clock=clock)

    async def chat_page(self) -> FileResponse:
        """The page of chats, where it is built."""
        if not self._chat_page.is_file():
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return FileResponse(self._chat_page, headers={"Cache-Control": "no-cache"})

    async def spend_message(self, connection: HTTPConnection) -> int | None:
        """Of whoever chats; None, or the seconds to wait."""
        return await self._budgets.spend(Spent.MESSAGES, self._identities.of(connection))

    @asynccontextmanager
    async def running(self, private: tuple[str, int] | None) -> AsyncIterator[None]:
        async with AsyncExitStack() as running:
            await running.enter_async_context(self._speakers.watching())
            running.push_async_callback(self.voices.aclose)
            await running.enter_async_context(self.about.running())
            await running.enter_async_context(self.chats.running())
            running.push_async_callback(self._places.aclose)
            running.push_async_callback(self._budgets.aclose)
            if self._agents is not None:
                await running.enter_async_context(self._agents.watching())
            watching = watching_calls(
                self._livekit,
                self.metrics.redispatches,
                agents=self._agents,
                waiting=self._waiting,
                meter=self._meter,
            )
            await running.enter_async_context(watching)
            if private is not None:
                port = private_port(self.probes, self.metrics.registry)
                running.push_async_callback(port.aclose)
                await port.start(*private)
            yield


def create_app(
    settings: OrchestratorSettings,
    *,
    page_folder: Path | None = None,
    private: tuple[str, int] | None = None,
    clock: Clock = monotonic,
) -> FastAPI:
    """The application; raises ConfigurationError when the settings cannot work.

    `private`: host and port where health with its details and metrics are told; None: nowhere.
    """
    server = settings.server
    parts = _Parts(settings, page_folder, clock)
    app = FastAPI(
        title="Parley gateway",
        openapi_url=None,
        lifespan=lambda _: parts.running(private),
        middleware=[
            Middleware(RequestCounting, metrics=parts.metrics),
            Middleware(SignedInUser, header=server.user_header, proxies=server.trusted_proxies),
            Middleware(ClientAddress, proxies=server.trusted_proxies),
            Middleware(CrossOrigin, origins=server.allowed_origins),
            Middleware(
                SecurityHeaders, livekit_url=parts.tokens.url, embedders=server.allowed_origins
            ),
            Middleware(SameSite, hosts=server.allowed_hosts, origins=server.allowed_origins),
            Middleware(BodyLimit, larger={UPLOADS: LARGEST_UPLOAD_BYTES}),
        ],
    )
    install_error_handlers(app)
    CallRoutes(
        parts.tokens,
        parts.voices,
        parts.previews,
        parts.limit,
        parts.metrics,
        door=parts.door,
        budgets=parts.call_budgets,
        about=parts.about,
        settings=settings,
    ).add_to(app)
    parts.records.add_to(app)
    parts.own_recording.add_to(app)
    app.include_router(chat_routes(parts.chats, spends=parts.spend_message).router())
    app.get("/chat", include_in_schema=False)(parts.chat_page)
    _add_health_routes(app, parts.probes)
    # Not a mount: a known address asked with a wrong method is a 405.
    app.router.default = parts.page
    return app


def _add_health_routes(app: FastAPI, probes: GatewayProbes) -> None:
    """What everybody may ask; the details are at the private port."""

    @app.get("/health")
    async def health() -> PublicHealth:
        """200 as long as the gateway serves."""
        return PublicHealth(status=(await probes.health()).status)

    @app.get("/readiness")
    @app.get("/ready")
    async def readiness(response: Response) -> PublicHealth:
        status = (await probes.health()).status
        if status != "healthy":
            response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
        return PublicHealth(status=status)

    @app.get("/liveness")
    async def liveness() -> dict[str, str]:
        return {"status": "alive"}
