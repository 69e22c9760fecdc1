"""The objectives: monitoring/objectives.yml, checked."""

from pathlib import Path
from typing import Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from parley.errors import ConfigurationError

FILE = Path("monitoring/objectives.yml")


class Objective(BaseModel):
    """One promise: so many percent of what is asked for are as promised."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    means: str
    target_percent: float = Field(gt=0, lt=100)
    minimum_events: int = Field(ge=1)
    histogram: str = ""
    where: str = ""
    within_s: float | None = Field(default=None, gt=0)
    asked: str = ""
    failed: str = ""

    @model_validator(mode="after")
    def _is_measured_one_way(self) -> Self:
        by_histogram = bool(self.histogram) and self.within_s is not None
        by_failures = bool(self.failed) and bool(self.asked)
        if by_histogram == by_failures:
            raise ValueError(
                f"{self.name} needs either histogram and within_s, or failed and asked"
            )
        return self

    @property
    def budget(self) -> float:
        """The share that may be bad."""
        return round(1 - self.target_percent / 100, 6)

    @property
    def alert(self) -> str:
        """The name of its burn-rate alerts."""
        return "".join(part.capitalize() for part in self.name.split("_")) + "BurnRate"

    @property
    def asked_counter(self) -> str:
        """The series that counts what was asked for."""
        if self.asked:
            return self.asked
        return f"{self.histogram}_count" + (f"{{{self.where}}}" if self.where else "")

    @property
    def good_counter(self) -> str:
        """The series that counts what was in time; of an objective with a histogram."""
        bound = f'le="{float(self.within_s or 0)!r}"'
        return f"{self.histogram}_bucket{{{f'{self.where},' if self.where else ''}{bound}}}"


class ObjectiveFile(BaseModel):
    """All of them, over one window."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    window_days: int = Field(ge=7, le=90)
    objectives: tuple[Objective, ...] = Field(min_length=1)


def read_objectives(file: Path) -> ObjectiveFile:
    """Raises ConfigurationError, which names the file and what is wrong in it."""
    try:
        return ObjectiveFile.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise ConfigurationError(f"{file}: {error}") from None
