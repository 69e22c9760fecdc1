"""The orchestrator's HTTP application, and what of it the gateway serves too."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import APIRouter, Depends, FastAPI, Request, WebSocket
from starlette.middleware import Middleware

from gateway.approvals.routes import approval_routes
from gateway.body_limit import BodyLimit
from gateway.client_address import ClientAddress
from gateway.cross_origin import CrossOrigin
from gateway.errors import install_error_handlers
from gateway.experiments.routes import experiment_routes
from gateway.keys.key import KeyScope
from gateway.keys.routes import key_routes
from gateway.knowledge.connection_routes import connection_routes
from gateway.knowledge.routes import routes as knowledge_routes
from gateway.operations.breaker_routes import breaker_routes
from gateway.operations.config_routes import config_routes
from gateway.operations.page import operations_page
from gateway.operations.private_port import private_port
from gateway.orchestrate.configuring import configure, orchestrator_config
from gateway.orchestrate.counting import OrchestratorCounting
from gateway.orchestrate.health import OrchestratorProbes
from gateway.orchestrate.recovering import recovering
from gateway.orchestrate.routes import health_routes, operation_routes
from gateway.orchestrate.service import OrchestratorService
from gateway.orchestrate.socket import SocketRoutes
from gateway.orchestrate.turns import ExperimentAnswer, TurnRoutes
from gateway.same_site import SameSite
from parley import __version__
from parley.clock import Clock, monotonic
from parley.settings import OrchestratorSettings, load_orchestrator


class OrchestratorApi:
    """Routes over a service; `running` serves them."""

    def __init__(self, settings: OrchestratorSettings, *, clock: Clock = monotonic) -> None:
        """Raises ConfigurationError for settings that cannot work."""
        self.service = OrchestratorService(settings, clock=clock)
        self.probes = OrchestratorProbes(self.service)
        self.sockets = SocketRoutes(
            lambda: self.service.parts,
            buffer_size=settings.orchestration.buffer_size,
            authorize=self._socket_owner,
        )
        self.turns = TurnRoutes(
            lambda: self.service.parts, owner_of=self._owner, experiment_of=self._experiment
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        monitoring, server = self.service.settings.monitoring, self.service.settings.server
        async with AsyncExitStack() as running:
            await running.enter_async_context(self.service.running())
            running.push_async_callback(self.turns.aclose)
            if monitoring.port and server.workers == 1:
                port = private_port(self.probes, self.service.metrics.registry)
                running.push_async_callback(port.aclose)
                await port.start(server.host, monitoring.port)
            await running.enter_async_context(recovering(self.service))
            yield

    def add_to(self, app: FastAPI, *, health: bool = True) -> None:
        """`health`: the health routes as well, where nobody else has them."""
        service, settings = self.service, self.service.settings
        guard = service.guard
        conversation = APIRouter(tags=["conversation"])
        self.sockets.add_to(conversation)
        self.turns.add_to(conversation)
        app.include_router(conversation)
        app.include_router(key_routes(guard))
        if health:
            app.include_router(health_routes(self.probes, details=settings.monitoring.health))
        app.include_router(operations_page())
        for scope, routers in self._guarded().items():
            for router in routers:
                app.include_router(router, dependencies=[Depends(guard.needing(scope))])

    def _guarded(self) -> Mapping[KeyScope, Sequence[APIRouter]]:
        """By what a key has to be for; what is switched off has no routes."""
        service = self.service
        knowledge, experiments, approvals = (
            service.knowledge,
            service.experiments,
            service.approvals,
        )
        return {
            KeyScope.CONVERSE: [knowledge_routes(knowledge.classifier, knowledge.retriever)],
            KeyScope.OPERATE: [
                operation_routes(service),
                connection_routes(service.services),
                breaker_routes(service.breakers),
                config_routes(service.settings),
            ],
            KeyScope.EXPERIMENT: [experiment_routes(experiments)] if experiments else [],
            KeyScope.APPROVE: [approval_routes(approvals)] if approvals else [],
        }

    async def _experiment(self, user: str) -> ExperimentAnswer | None:
        experiments = self.service.experiments
        if experiments is None or not user:
            return None
        for assignment in await experiments.assignments_for(user):
            return ExperimentAnswer(
                experiment_id=assignment.experiment_id, variant_name=assignment.variant_name or ""
            )
        return None

    async def _socket_owner(self, websocket: WebSocket) -> str | None:
        caller = await self.service.guard.socket_caller(websocket, KeyScope.CONVERSE)
        return None if caller is None else caller.id

    async def _owner(self, request: Request) -> str:
        return (await self.service.guard.caller(request, KeyScope.CONVERSE)).id


def create_orchestrator(settings: OrchestratorSettings, *, clock: Clock = monotonic) -> FastAPI:
    """The application that `./run orchestrator` serves; raises ConfigurationError."""
    api = OrchestratorApi(settings, clock=clock)
    server, origins = settings.server, settings.security.cors.allowed_origins
    app = FastAPI(
        title="Parley orchestrator",
        version=__version__,
        lifespan=lambda _: api.running(),
        middleware=[
            Middleware(OrchestratorCounting, metrics=api.service.metrics, clock=clock),
            Middleware(ClientAddress, proxies=server.trusted_proxies),
            Middleware(CrossOrigin, origins=origins, paths=None),
            Middleware(SameSite, hosts=server.allowed_hosts, origins=origins),
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
