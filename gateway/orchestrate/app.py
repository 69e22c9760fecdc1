"""The orchestrator's HTTP application, and what of it the gateway serves too."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI, Request, WebSocket
from starlette.middleware import Middleware

from gateway.body_limit import BodyLimit
from gateway.client_address import ClientAddress
from gateway.errors import install_error_handlers
from gateway.knowledge.connection_routes import connection_routes
from gateway.knowledge.routes import routes as knowledge_routes
from gateway.orchestrate.configuring import configure, orchestrator_config
from gateway.orchestrate.counting import OrchestratorCounting
from gateway.orchestrate.health import OrchestratorProbes
from gateway.orchestrate.recovering import recovering
from gateway.orchestrate.routes import health_routes, operation_routes
from gateway.orchestrate.service import OrchestratorService
from gateway.orchestrate.socket import SocketRoutes
from gateway.orchestrate.turns import ExperimentAnswer, TurnRoutes
from parley import __version__
from parley.clock import Clock, monotonic
from parley.settings import OrchestratorSettings, load_orchestrator


class OrchestratorApi:
    """Routes over a service; `running` serves them."""

    def __init__(self, settings: OrchestratorSettings, *, clock: Clock = monotonic) -> None:
        """Raises ConfigurationError for settings that cannot work."""
        self.service = OrchestratorService(settings, clock=clock)
        self.sockets = SocketRoutes(
            lambda: self.service.parts,
            buffer_size=settings.orchestration.buffer_size,
            authorize=self._socket_user,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with self.service.running(), recovering(self.service):
            yield

    def add_to(self, app: FastAPI, *, health: bool = True) -> None:
        """`health`: the health routes as well, where nobody else has them."""
        service, settings = self.service, self.service.settings
        conversation = APIRouter(tags=["conversation"])
        self.sockets.add_to(conversation)
        TurnRoutes(
            lambda: service.parts, user_of=self._user, experiment_of=self._experiment
        ).add_to(conversation)
        app.include_router(conversation)
        if health:
            probes = OrchestratorProbes(service)
            app.include_router(health_routes(probes, details=settings.monitoring.health))
        app.include_router(operation_routes(service, self._operator))
        knowledge = service.knowledge
        app.include_router(knowledge_routes(knowledge.classifier, knowledge.retriever))
        app.include_router(connection_routes(service.services))

    async def _experiment(self, user: str) -> ExperimentAnswer | None:
        experiments = self.service.experiments
        if experiments is None or not user:
            return None
        for assignment in await experiments.assignments_for(user):
            return ExperimentAnswer(
                experiment_id=assignment.experiment_id, variant_name=assignment.variant_name or ""
            )
        return None

    async def _socket_user(self, websocket: WebSocket) -> str | None:
        return ""

    async def _user(self, request: Request) -> str:
        return ""

    async def _operator(self, request: Request) -> None:
        """Nobody has to say who they are."""


def create_orchestrator(settings: OrchestratorSettings, *, clock: Clock = monotonic) -> FastAPI:
    """The application that `./run orchestrator` serves; raises ConfigurationError."""
    api = OrchestratorApi(settings, clock=clock)
    server = settings.server
    app = FastAPI(
        title="Parley orchestrator",
        version=__version__,
        lifespan=lambda _: api.running(),
        middleware=[
            Middleware(OrchestratorCounting, metrics=api.service.metrics, clock=clock),
            Middleware(ClientAddress, proxies=server.trusted_proxies),
            Middleware(BodyLimit),
        ],
    )
    install_error_handlers(app)
    api.add_to(app)
    return app


def from_environment() -> FastAPI:
    """For server processes, which are told by the environment which settings they have."""
    settings = load_orchestrator(orchestrator_config())
    configure(settings)
    return create_orchestrator(settings)
