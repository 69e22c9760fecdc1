"""What operators ask the orchestrator: health, metrics, features, sessions."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from dialogue.orchestration.latency import LatencyBreakdown
from gateway.errors import ApiError
from gateway.orchestrate.features import FeatureStatus, feature_status
from gateway.orchestrate.health import OrchestratorHealth, OrchestratorProbes
from gateway.orchestrate.service import OrchestratorService

JSON = "application/json"


class MetricsSummary(BaseModel):
    """Of this process, since it began; `active_sessions` of all."""

    active_sessions: int
    uptime_seconds: float
    total_turns: int
    avg_latency_ms: float
    errors: int
    left_out: int


class SessionLatency(BaseModel):
    """A session, with the latency of its last turn."""

    session_id: str
    state: str
    turn_number: int
    total_latency_ms: float
    intent_latency_ms: float
    rag_latency_ms: float
    llm_latency_ms: float
    tts_latency_ms: float
    active: bool
    seen_at: float


class SessionList(BaseModel):
    sessions: list[SessionLatency]


def health_routes(probes: OrchestratorProbes, *, details: bool) -> APIRouter:
    """Open to everybody: a balancer has no key. Without `details` only the status is told."""
    router = APIRouter(tags=["operations"])

    @router.get("/health", response_model=None, responses={200: {"model": OrchestratorHealth}})
    async def health() -> Response:
        """200 as long as the process serves."""
        found = await probes.health()
        return _health(found, details=details)

    @router.get("/ready", response_model=None)
    @router.get("/readiness", response_model=None)
    async def ready() -> Response:
        """503 while nothing can be answered."""
        found = await probes.health()
        status = HTTPStatus.OK
        if found.status == "unhealthy":
            status = HTTPStatus.SERVICE_UNAVAILABLE
        return _health(found, details=details, status=status)

    @router.get("/liveness")
    async def liveness() -> dict[str, str]:
        return {"status": "alive"}

    return router


def operation_routes(service: OrchestratorService) -> APIRouter:
    """For operators alone, where keys are asked for."""
    router = APIRouter(tags=["operations"])

    async def summary() -> MetricsSummary:
        held = await service.desk.held()
        return MetricsSummary.model_validate(service.metrics.summary(active_sessions=held))

    def check_enabled() -> None:
        if not service.settings.monitoring.metrics:
            raise ApiError(HTTPStatus.NOT_FOUND, "not_found", "metrics are switched off")

    @router.get("/metrics", response_model=None, responses={200: {"model": MetricsSummary}})
    async def metrics(
        request: Request, format: Annotated[str, Query(description="json")] = ""
    ) -> Response:
        """Prometheus text; JSON where it is accepted or asked for."""
        check_enabled()
        if format == "json" or JSON in request.headers.get("accept", ""):
            return Response((await summary()).model_dump_json(), media_type=JSON)
        return Response(generate_latest(service.metrics.registry), media_type=CONTENT_TYPE_LATEST)

    @router.get("/metrics/summary")
    async def metrics_summary() -> MetricsSummary:
        check_enabled()
        return await summary()

    @router.get("/feature-status")
    async def features() -> FeatureStatus:
        """What is there now, and what stands in for the rest."""
        return feature_status(service)

    @router.get("/sessions")
    async def sessions(limit: Annotated[int, Query(ge=1, le=500)] = 100) -> SessionList:
        """Those that were used last come first."""
        rows = await service.desk.rows(limit)
        return SessionList(
            sessions=[
                _session(
                    row.session_id,
                    row.snapshot.latency,
                    state=str(row.snapshot.standing.state),
                    turn_number=row.snapshot.standing.turn_number,
                    active=row.is_held,
                    seen_at=row.snapshot.seen_at_s,
                )
                for row in rows
            ]
        )

    return router


def _session(session_id: str, latency: LatencyBreakdown, **rest: Any) -> SessionLatency:
    return SessionLatency(
        session_id=session_id,
        total_latency_ms=latency.total_ms,
        intent_latency_ms=latency.intent_ms,
        rag_latency_ms=latency.rag_ms,
        llm_latency_ms=latency.llm_ms,
        tts_latency_ms=latency.tts_ms,
        **rest,
    )


def _health(
    found: OrchestratorHealth, *, details: bool, status: HTTPStatus = HTTPStatus.OK
) -> Response:
    shown = (
        found.model_dump_json(exclude_none=True) if details else f'{{"status":"{found.status}"}}'
    )
    return Response(shown, status_code=status, media_type=JSON)
