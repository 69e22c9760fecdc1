"""An experiment: its variants, its state, and who is in it."""

import hashlib
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from dialogue.experiments.overrides import EngineOverrides
from parley.errors import ParleyError

BUCKETS = 10_000
"""A share is kept to a hundredth of a percent."""


class ExperimentError(ParleyError):
    """A store that cannot be reached, or does not answer in time."""


class ExperimentNotFoundError(ExperimentError):
    """There is no experiment of that id."""


class ExperimentStateError(ExperimentError):
    """It is not in a state that allows this: a draft is started, a running one is stopped."""


class ExperimentStatus(StrEnum):
    DRAFT = "draft"
    RUNNING = "running"
    STOPPED = "stopped"


class Variant(BaseModel):
    """One of the configurations that are compared."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=100)
    type: Literal["control", "treatment"]
    traffic_percentage: float = Field(ge=0.0, le=100.0)
    config: EngineOverrides = EngineOverrides()


class ExperimentDraft(BaseModel):
    """What is given to create one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=200)
    description: str = Field("", max_length=4000)
    hypothesis: str = Field("", max_length=4000)
    metric: str = Field("conversion", min_length=1, max_length=200)
    user_percentage: float = Field(
        100.0, gt=0.0, le=100.0, description="of all users, how many take part"
    )
    variants: list[Variant]

    @field_validator("variants", mode="before")
    @classmethod
    def _is_list(cls, given: Any) -> Any:
        if isinstance(given, dict):
            raise ValueError(
                'variants is a list of {"name", "type", "traffic_percentage", "config"}, and not '
                "a dictionary by name"
            )
        return given

    @model_validator(mode="after")
    def _is_comparable(self) -> Self:
        names = [variant.name for variant in self.variants]
        if len(names) < 2:
            raise ValueError("variants has to hold at least two: a control and a treatment")
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"variants has {', '.join(map(repr, twice))} twice")
        controls = sum(variant.type == "control" for variant in self.variants)
        if controls != 1:
            raise ValueError(f'one variant has the type "control", and not {controls}')
        total = sum(variant.traffic_percentage for variant in self.variants)
        if abs(total - 100.0) > 1e-6:
            raise ValueError(f"the traffic percentages add up to {total:g}, and not to 100")
        return self


class Experiment(BaseModel):
    """All times are seconds since 1970."""

    model_config = ConfigDict(frozen=True)

    id: str
    draft: ExperimentDraft
    status: ExperimentStatus = ExperimentStatus.DRAFT
    created_at_s: float
    started_at_s: float | None = None
    stopped_at_s: float | None = None
    winner: str | None = None
    """Named when it was stopped, where the test allows it."""

    @property
    def control(self) -> Variant:
        return next(each for each in self.draft.variants if each.type == "control")

    @property
    def treatments(self) -> Sequence[Variant]:
        return [each for each in self.draft.variants if each.type == "treatment"]


class Assignment(BaseModel):
    """Which variant a user has; where they have none, `assigned` is false and the name null."""

    model_config = ConfigDict(frozen=True)

    experiment_id: str
    variant_name: str | None = None
    variant_config: dict[str, Any] = Field(default_factory=dict)
    assigned: bool = False


def variant_of(experiment: Experiment, user_id: str) -> Variant | None:
    """The user's variant; None: they do not take part. The same in every process, and for ever.

    Whether they take part and which variant they have come from different hashes, so that a larger
    share of users leaves those who take part where they were.
    """
    if _bucket(f"{experiment.id}:takes-part:{user_id}") >= _edge(experiment.draft.user_percentage):
        return None
    bucket = _bucket(f"{experiment.id}:variant:{user_id}")
    upto = 0.0
    for variant in experiment.draft.variants:
        upto += variant.traffic_percentage
        if bucket < _edge(upto):
            return variant
    return [each for each in experiment.draft.variants if each.traffic_percentage > 0][-1]


def _edge(percentage: float) -> int:
    return round(percentage * BUCKETS / 100.0)


def _bucket(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) % BUCKETS
