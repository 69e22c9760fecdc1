"""A private port: health with its details, and metrics."""

from http import HTTPStatus

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from gateway.operations.checks import HealthProbes
from parley.small_http import HttpReply, SmallHttpServer


def private_port(probes: HealthProbes, registry: CollectorRegistry) -> SmallHttpServer:
    """Not started yet."""

    async def health() -> HttpReply:
        return HttpReply((await probes.health()).model_dump_json().encode())

    async def readiness() -> HttpReply:
        found = await probes.health()
        ready = found.status == "healthy"
        status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
        return HttpReply(found.model_dump_json().encode(), status)

    async def liveness() -> HttpReply:
        return HttpReply(b'{"status":"alive"}')

    async def metrics() -> HttpReply:
        return HttpReply(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    return SmallHttpServer(
        {
            "/health": health,
            "/readiness": readiness,
            "/ready": readiness,
            "/liveness": liveness,
            "/metrics": metrics,
        }
    )
