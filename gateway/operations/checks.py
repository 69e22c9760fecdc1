"""What a health probe finds of one part, and who can tell it of all."""

from typing import Protocol

from pydantic import BaseModel, ConfigDict


class PartCheck(BaseModel):
    model_config = ConfigDict(frozen=True)

    ok: bool
    error: str | None = None


class HealthTold(Protocol):
    """What was found of all parts."""

    @property
    def status(self) -> str: ...

    def model_dump_json(self) -> str: ...


class HealthProbes(Protocol):
    """Asks all parts, at most every second."""

    async def health(self) -> HealthTold: ...
