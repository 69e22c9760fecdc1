"""A scripted conversation: a YAML file of steps, which docs/caller.md describes."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from parley.audio import Audio, level_dbfs, read_audio
from parley.errors import AudioFileError, ConfigurationError
from parley.settings.document import read_document, shortened

Positive = Annotated[float, Field(gt=0, le=600)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Timed(_Model):
    """A clip, spoken so long after the first audible sample of the reply."""

    clip: str
    after_ms: Annotated[float, Field(ge=0, le=600_000)] = 0.0


class Beneath(_Model):
    """A noise beneath all that is spoken, at this level."""

    clip: str
    dbfs: Annotated[float, Field(ge=-90, le=0)]


class Say(_Model):
    say: str


class Wait(_Model):
    wait: Literal["greeting", "reply_begins", "reply_ends"]


class Interrupt(_Model):
    interrupt: Timed


class Murmur(_Model):
    """A clip after which the agent should go on: a back-channel, a cough, a noise."""

    murmur: Timed


class Silence(_Model):
    silence_s: Positive


class BackgroundNoise(_Model):
    """None ends the noise."""

    noise: Beneath | None


class TypeText(_Model):
    type: Annotated[str, Field(min_length=1)]


Step = Say | Wait | Interrupt | Murmur | Silence | BackgroundNoise | TypeText

_KINDS: dict[str, type[Step]] = {
    "say": Say,
    "wait": Wait,
    "interrupt": Interrupt,
    "murmur": Murmur,
    "silence_s": Silence,
    "noise": BackgroundNoise,
    "type": TypeText,
}


@dataclass(frozen=True)
class ScriptStep:
    """One step, with the line of the file it stands in."""

    number: int
    line: int
    step: Step
    folder: Path

    @property
    def where(self) -> str:
        return f"step {self.number} (line {self.line})"

    @property
    def kind(self) -> str:
        return next(iter(type(self.step).model_fields))

    @property
    def clip_name(self) -> str | None:
        match self.step:
            case Say(say=name):
                return name
            case Interrupt(interrupt=Timed(clip=name)) | Murmur(murmur=Timed(clip=name)):
                return name
            case BackgroundNoise(noise=Beneath(clip=name)):
                return name
        return None

    @cached_property
    def clip(self) -> Audio:
        """Raises AudioFileError; noise is brought to its level."""
        assert self.clip_name is not None
        audio = read_audio(self.folder / self.clip_name)
        if isinstance(self.step, BackgroundNoise) and self.step.noise is not None:
            gain = 10 ** ((self.step.noise.dbfs - level_dbfs(audio.samples)) / 20)
            louder = np.clip(audio.samples * gain, -32768, 32767).astype(np.int16)
            return Audio(louder, audio.sample_rate_hz)
        return audio


def read_script(file: Path) -> tuple[ScriptStep, ...]:
    """The steps of a script, every clip of it read.

    Raises ConfigurationError with the line, the step, and what to write instead.
    """
    if not file.is_file():
        raise ConfigurationError(f"{file}: no such file")
    document = read_document(file, environ=None)
    if list(document.values) != ["steps"]:
        raise ConfigurationError(f"{file}: a script is a mapping with the one key `steps`")
    steps = document.values["steps"]
    if not isinstance(steps, list) or not steps:
        raise ConfigurationError(f"{file}: `steps` is a list of at least one step")
    lines = [
        int(document.places["steps", number].rpartition(":")[2]) for number in range(len(steps))
    ]
    return tuple(_steps(file, steps, lines))


def _steps(file: Path, values: list[Any], lines: list[int]) -> Iterator[ScriptStep]:
    for number, (value, line) in enumerate(zip(values, lines, strict=True), start=1):
        where = f"{file}:{line}: step {number}"
        if not isinstance(value, dict) or len(value) != 1 or next(iter(value)) not in _KINDS:
            raise ConfigurationError(
                f"{where}: {shortened(repr(value))} is no step; a step is one of "
                f"{', '.join(_KINDS)}, each with its value after a colon"
            )
        kind = _KINDS[next(iter(value))]
        try:
            step: Step = TypeAdapter(kind).validate_python(value)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise ConfigurationError(f"{where}: {place}: {first['msg']}") from None
        parsed = ScriptStep(number, line, step, file.parent)
        if parsed.clip_name is not None:
            try:
                _ = parsed.clip
            except AudioFileError as error:
                raise ConfigurationError(f"{where}: {error}") from None
        yield parsed
