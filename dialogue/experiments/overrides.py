"""What the configuration of a variant changes in the engine."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from parley.app.agent import Agent
from parley.app.turn_policy import TurnThresholds


class TurnOverrides(BaseModel):
    """Turn-taking; as TurnThresholds has it: seconds, but for `near_db`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    endpointing_min_delay_s: float | None = Field(None, ge=0.0, le=10.0)
    endpointing_max_delay_s: float | None = Field(None, ge=0.0, le=30.0)
    duck_after_s: float | None = Field(None, gt=0.0, le=10.0)
    hold_after_s: float | None = Field(None, gt=0.0, le=10.0)
    thinking_hold_after_s: float | None = Field(None, gt=0.0, le=10.0)
    yield_after_s: float | None = Field(None, gt=0.0, le=30.0)
    verdict_s: float | None = Field(None, gt=0.0, le=10.0)
    near_db: float | None = Field(None, gt=0.0, le=96.0)


class EngineOverrides(BaseModel):
    """What is None stays as it is. Keys that the engine does not know are kept for the application
    that asks for its variant."""

    model_config = ConfigDict(frozen=True, extra="allow", protected_namespaces=())

    model: str | None = Field(None, min_length=1, max_length=200)
    temperature: float | None = Field(None, ge=0.0, le=2.0)
    instructions: str | None = Field(None, max_length=8_000)
    voice: str | None = Field(None, min_length=1, max_length=200)
    turn: TurnOverrides | None = None

    @model_serializer(mode="wrap")
    def _given(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in handler(self).items() if value is not None}

    @property
    def is_empty(self) -> bool:
        """Whether it leaves the engine as it is."""
        return all(getattr(self, name) is None for name in type(self).model_fields)

    def as_config(self) -> dict[str, Any]:
        """As it was given."""
        return self.model_dump(exclude_none=True, mode="json")

    def applied_to(self, agent: Agent) -> Agent:
        """The agent as it is to answer."""
        if self.is_empty:
            return agent
        changes: dict[str, Any] = {
            name: value
            for name in ("model", "temperature", "instructions", "voice")
            if (value := getattr(self, name)) is not None
        }
        if self.turn is not None:
            changes["thresholds"] = _joined(agent.thresholds, self.turn.model_dump())
        return replace(agent, **changes)


def joined(overrides: Sequence[EngineOverrides]) -> EngineOverrides:
    """Of several experiments at once; for each key the first one counts."""
    config: dict[str, Any] = {}
    for each in reversed(overrides):
        config |= each.as_config()
    return EngineOverrides.model_validate(config)


def _joined(own: TurnThresholds | None, wanted: Mapping[str, Any]) -> TurnThresholds:
    changes = {name: value for name, value in wanted.items() if value is not None}
    return replace(own or TurnThresholds(), **changes)
