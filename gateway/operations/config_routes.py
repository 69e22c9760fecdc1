"""The configuration in force, for operators."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from parley.settings.redaction import redacted


def config_routes(settings: BaseModel) -> APIRouter:
    """GET /config: the settings after file and environment, every secret redacted."""
    router = APIRouter(tags=["operations"])
    shown = redacted(settings)

    @router.get("/config")
    async def config() -> dict[str, Any]:
        """As the sections of the configuration file; a secret that is set is `**********`."""
        return shown

    return router
