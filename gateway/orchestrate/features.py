"""What this process can do, and what stands in for the rest: computed from what is there."""

from collections.abc import Callable
from importlib.util import find_spec

from pydantic import BaseModel, ConfigDict

from gateway.orchestrate.service import OrchestratorService


class FeatureStatus(BaseModel):
    """`fallbacks`: what is done where a feature is not available; null: nothing stands in."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "available": {"checkpointing": True, "streaming": True, "postgres": False},
                    "fallbacks": {"checkpointing": None, "streaming": "full-response"},
                }
            ]
        },
    )

    available: dict[str, bool]
    fallbacks: dict[str, str | None]


_FALLBACKS: dict[str, str | None] = {
    "checkpointing": None,
    "hitl": "refused",
    "parallel": "sequential",
    "streaming": "full-response",
    "error_handling": "one-provider",
    "ab_testing": "same-for-all",
    "intents": None,
    "retrieval": None,
    "services": None,
    "embeddings": "words-alone",
    "shared_sessions": "memory",
    "shared_breakers": "memory",
    "voice": "text-only",
    "postgres": "sqlite",
    "mongodb": "sql",
    "mcp": None,
    "error_reports": "log-only",
}


def is_installed(package: str) -> bool:
    """Whether a package of an extra is here."""
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):
        return False


def feature_status(
    service: OrchestratorService, *, installed: Callable[[str], bool] = is_installed
) -> FeatureStatus:
    """Of the service while it runs."""
    settings, parts = service.settings, service.parts
    sql, models = installed("sqlalchemy") and installed("aiosqlite"), service.models.names
    embedder = service.knowledge.embedder
    available = {
        "checkpointing": service.pipelines is not None and sql,
        "hitl": service.approvals is not None,
        "parallel": settings.orchestration.parallel,
        "streaming": installed("websockets") or installed("wsproto"),
        "error_handling": settings.orchestration.error_handling,
        "ab_testing": service.experiments is not None,
        "intents": service.knowledge.classifier is not None,
        "retrieval": service.knowledge.retriever is not None,
        "services": service.services is not None,
        "embeddings": embedder is not None,
        "shared_sessions": service.desk.kept_in == "redis",
        "shared_breakers": service.breakers.kept_in == "redis",
        "voice": parts.speech is not None,
        "postgres": installed("asyncpg"),
        "mongodb": installed("pymongo"),
        "mcp": installed("mcp"),
        "error_reports": bool(settings.monitoring.sentry_dsn.get_secret_value())
        and installed("sentry_sdk"),
        **{f"model:{name}": service.models.health[name].healthy is not False for name in models},
    }
    return FeatureStatus(available=available, fallbacks=dict(_FALLBACKS))
