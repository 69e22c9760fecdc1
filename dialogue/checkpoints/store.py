"""What a store of checkpoints promises; tests/dialogue/checkpoints holds every store to it."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from pydantic import BaseModel, ConfigDict, JsonValue

from parley.errors import ParleyError


class CheckpointError(ParleyError):
    """A store that cannot be reached, or does not answer in time."""


class PipelineNotFoundError(CheckpointError):
    """There is no pipeline of that id, or it has been forgotten."""


class PipelineHeldError(CheckpointError):
    """Another process works on it, or it is over."""


class PipelineStatus(StrEnum):
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    """The person went on, or left: it is not resumed."""
    FAILED = "failed"


class SavedStep(BaseModel):
    """One step of a pipeline; without `result` it was begun and has not ended."""

    model_config = ConfigDict(frozen=True)

    key: str
    result: JsonValue = None
    ended: bool = False


class PipelineRecord(BaseModel):
    """A turn that is being answered. Its id is the turn's; `version` tells which code made it."""

    model_config = ConfigDict(frozen=True)

    id: str
    session_id: str
    text: str
    began_at_s: float
    """Seconds since 1970."""
    version: int = 1
    status: PipelineStatus = PipelineStatus.RUNNING


class SavedPipeline(BaseModel):
    model_config = ConfigDict(frozen=True)

    record: PipelineRecord
    owner: str
    lease_until_s: float
    """Seconds since 1970."""
    steps: Sequence[SavedStep]
    """In the order in which they were begun."""


class PipelineCheckpoints(Protocol):
    """Keeps pipelines and their steps. Every call raises CheckpointError where the store fails."""

    async def begin(self, record: PipelineRecord, owner: str, *, lease_s: float) -> None:
        """A new one, of which `owner` has the lease."""
        ...

    async def save(self, pipeline_id: str, owner: str, step: SavedStep) -> None:
        """Keeps a step as begun or as ended; a second time with the same key replaces it.

        Raises PipelineHeldError where the owner has lost the pipeline to another.
        """
        ...

    async def renew(self, owner: str, *, lease_s: float) -> None:
        """Prolongs the leases of all running pipelines of the owner."""
        ...

    async def end(self, pipeline_id: str, owner: str, status: PipelineStatus) -> None:
        """It is over, unless another has taken it over."""
        ...

    async def load(self, pipeline_id: str) -> SavedPipeline | None: ...

    async def claim(self, pipeline_id: str, owner: str, *, lease_s: float) -> SavedPipeline:
        """Takes over one whose owner has died, or one that has failed: of any number at once one
        succeeds.

        Raises PipelineNotFoundError; PipelineHeldError where its lease has not run out, or it
        is over.
        """
        ...

    async def let_go(self, pipeline_id: str, owner: str) -> None:
        """The owner works on it no more: it is abandoned, unless another has it already."""
        ...

    async def abandoned(self) -> Sequence[PipelineRecord]:
        """Those that run and whose lease has run out, oldest first."""
        ...

    async def purge(self, *, began_before_s: float) -> int:
        """Forgets those that are over and began before (seconds since 1970); how many."""
        ...

    async def aclose(self) -> None: ...
