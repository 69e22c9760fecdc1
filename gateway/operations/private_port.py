"""The gateway's private port: health with its details, and metrics."""

from http import HTTPStatus

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from gateway.operations.health import GatewayProbes
from parley.small_http import Reply, SmallHttpServer


def private_port(probes: GatewayProbes, registry: CollectorRegistry) -> SmallHttpServer:
    """Not started yet."""

    async def health() -> Reply:
        return Reply((await probes.health()).model_dump_json().encode())

    async def readiness() -> Reply:
        found = await probes.health()
        ready = found.status == "healthy"
        status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
        return Reply(found.model_dump_json().encode(), status)

    async def liveness() -> Reply:
        return Reply(b'{"status":"alive"}')

    async def metrics() -> Reply:
        return Reply(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    return SmallHttpServer(
        {
            "/health": health,
            "/readiness": readiness,
            "/ready": readiness,
            "/liveness": liveness,
            "/metrics": metrics,
        }
    )
