"""What both kinds of engine share: how sound is held, how an engine fails, Parley's own models."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from parley import models
from parley.errors import ParleyError
from parley.models import ModelSpec
from parley.models.manifest import ModelKind

FloatSamples = npt.NDArray[np.float32]
"""Mono sound of shape [n], full scale at ±1."""


class EngineError(ParleyError):
    """The engine could not do its work; its text says why."""


def manifest_models(kind: ModelKind, engine: str) -> Mapping[str, ModelSpec]:
    """The models of this kind that Parley's manifest has for the engine, by name."""
    return {
        spec.name: spec
        for spec in models.manifest().values()
        if spec.kind == kind and spec.engine == engine
    }
