"""/experiments: created, started and stopped by operators; asked by who assigns users."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from dialogue.experiments.experiment import (
    Assignment,
    Experiment,
    ExperimentDraft,
    ExperimentError,
    ExperimentNotFoundError,
    ExperimentStateError,
    Variant,
)
from dialogue.experiments.experiments import Experiments, ExperimentsSummary
from dialogue.experiments.results import ExperimentResults
from gateway.errors import ApiError

RETRY_AFTER_S = 5
_EXAMPLE: dict[str, Any] = {
    "name": "A warmer voice",
    "description": "Twice the temperature",
    "hypothesis": "Callers who hear a livelier agent call again",
    "metric": "called again within a week",
    "user_percentage": 50,
    "variants": [
        {"name": "plain", "type": "control", "traffic_percentage": 50, "config": {}},
        {
            "name": "lively",
            "type": "treatment",
            "traffic_percentage": 50,
            "config": {"temperature": 0.9, "instructions": "You are the lively desk of a shop."},
        },
    ],
}


class ExperimentWish(ExperimentDraft):
    """What is compared, by what, and with how many of the users."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})


class ExperimentReply(BaseModel):
    """Times are seconds since 1970. `results` as of now, and only of a single one."""

    experiment_id: str
    status: str
    name: str
    description: str
    hypothesis: str
    metric: str
    user_percentage: float
    variants: list[Variant]
    created_at: float
    started_at: float | None
    stopped_at: float | None
    winner: str | None
    results: ExperimentResults | None = None


class ExperimentList(BaseModel):
    experiments: list[ExperimentReply]


class Conversion(BaseModel):
    """`value`: what it is worth; without one, each counts 1."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"user_id": "u-17", "value": 24.9}]}
    )

    user_id: str = Field(min_length=1, max_length=200)
    value: float = Field(1.0, allow_inf_nan=False)


class ConversionReply(BaseModel):
    """`counted` is false where the user was shown nothing, has converted before, or the experiment
    does not run."""

    experiment_id: str
    user_id: str
    counted: bool


class ExperimentsHealth(BaseModel):
    status: str
    running: int


def experiment_routes(experiments: Experiments) -> APIRouter:
    """Whoever mounts it guards it."""
    router = APIRouter(prefix="/experiments", tags=["experiments"])

    @router.get("")
    async def every() -> ExperimentList:
        """All of them, oldest first."""
        async with _answering():
            listed = await experiments.list()
        return ExperimentList(experiments=[_reply(each) for each in listed])

    @router.post("")
    async def create(wish: ExperimentWish) -> ExperimentReply:
        """A draft: nobody is assigned before it is started."""
        async with _answering():
            return _reply(await experiments.create(ExperimentDraft(**dict(wish))))

    @router.get("/health")
    async def health() -> ExperimentsHealth:
        """503 where the store does not answer."""
        async with _answering():
            return ExperimentsHealth(
                status="healthy", running=(await experiments.summary()).running
            )

    @router.get("/stats/summary")
    async def summary() -> ExperimentsSummary:
        async with _answering():
            return await experiments.summary()

    @router.get("/{experiment_id}")
    async def one(experiment_id: str) -> ExperimentReply:
        """With what it has found so far: it may be looked at as often as one likes."""
        return await _whole(experiments, experiment_id)

    @router.post("/{experiment_id}/start")
    async def start(experiment_id: str) -> ExperimentReply:
        """A draft begins; 409 for any other."""
        async with _answering():
            return _reply(await experiments.start(experiment_id))

    @router.post("/{experiment_id}/stop")
    async def stop(experiment_id: str) -> ExperimentReply:
        """One that runs ends; 409 for any other. It has a winner only where the test names one."""
        async with _answering():
            await experiments.stop(experiment_id)
        return await _whole(experiments, experiment_id)

    _add_users_routes(router, experiments)
    return router


def _add_users_routes(router: APIRouter, experiments: Experiments) -> None:
    @router.get("/{experiment_id}/variant/{user_id}")
    async def variant(experiment_id: str, user_id: str) -> Assignment:
        """The user's variant, which counts as shown to them."""
        async with _answering():
            return await experiments.assignment(experiment_id, user_id)

    @router.post("/{experiment_id}/track/conversion")
    async def convert(experiment_id: str, conversion: Conversion) -> ConversionReply:
        """The user did what the experiment is for; it counts once."""
        async with _answering():
            counted = await experiments.convert(experiment_id, conversion.user_id, conversion.value)
        return ConversionReply(
            experiment_id=experiment_id, user_id=conversion.user_id, counted=counted
        )


async def _whole(experiments: Experiments, experiment_id: str) -> ExperimentReply:
    async with _answering():
        experiment = await experiments.get(experiment_id)
        results = await experiments.results(experiment_id)
    return _reply(experiment).model_copy(update={"results": results})


def _reply(experiment: Experiment) -> ExperimentReply:
    return ExperimentReply(
        experiment_id=experiment.id,
        status=experiment.status,
        **experiment.draft.model_dump(exclude={"variants"}),
        variants=experiment.draft.variants,
        created_at=experiment.created_at_s,
        started_at=experiment.started_at_s,
        stopped_at=experiment.stopped_at_s,
        winner=experiment.winner,
    )


@asynccontextmanager
async def _answering() -> AsyncIterator[None]:
    try:
        yield
    except ExperimentNotFoundError as error:
        raise ApiError(HTTPStatus.NOT_FOUND, "unknown_experiment", str(error)) from None
    except ExperimentStateError as error:
        raise ApiError(HTTPStatus.CONFLICT, "wrong_state", str(error)) from None
    except ExperimentError as error:
        raise ApiError(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "experiments_unavailable",
            str(error),
            retry_after_s=RETRY_AFTER_S,
        ) from None
