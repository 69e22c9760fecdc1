"""Settings models from a YAML file and the environment; errors name file, line and key."""

import difflib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from parley import paths
from parley.errors import ConfigurationError
from parley.settings.document import Document, KeyPath, read_document, shortened
from parley.settings.port_offset import port_offset, shifted

_MASK = "**********"
_SHOWN_PROBLEMS = 5
_KINDS = {dict: "keys and values", list: "a list", tuple: "a list", type(None): "nothing"}


class Section(BaseModel):
    """One heading of a configuration file: unknown keys are errors, values do not change."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, protected_namespaces=(), allow_inf_nan=False
    )


@dataclass(frozen=True)
class Env:
    """Marks a settings field that an environment variable overrides: `Annotated[str, Env("X")]`."""

    name: str


@dataclass(frozen=True)
class Masked:
    """Marks a field that may hold a password: no error shows its value."""


SettingsT = TypeVar("SettingsT", bound=Section)


def load(
    model: type[SettingsT], file: Path, *, environ: Mapping[str, str] = os.environ
) -> SettingsT:
    """Reads `file` into `model`; a missing file, or a heading with nothing under it, is defaults.

    Raises ConfigurationError for what `read_document` refuses, an unknown key, or a value that is
    not allowed: each with file, line, key and what is allowed, and no secret; of many the first.
    PARLEY_PORT_OFFSET is added to the ports.
    """
    document = read_document(file, environ)
    _drop_empty_sections(document.values, model)
    for path, name in environment_variables(model):
        if environ.get(name):
            _put(document.values, path, environ[name])
            document.places[path] = f"environment variable {name}"
    try:
        settings = model.model_validate(document.values)
    except ValidationError as error:
        raise ConfigurationError("\n".join(_problems(error, model, file, document))) from None
    offset = port_offset(environ)
    return shifted(settings, offset) if offset else settings


def config_file(name: str) -> Path:
    """A file of the folder of configuration files.

    Raises ConfigurationError where that is none: the defaults would be taken in silence.
    """
    folder = paths.config_dir()
    if not folder.is_dir():
        raise ConfigurationError(
            f"{folder} is no folder: PARLEY_CONFIG_DIR names the one with orchestrator.yaml"
        )
    return folder / name


def environment_variables(model: type[BaseModel]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every (path of keys, variable) that the model takes from the environment."""
    for path, field in fields(model):
        for mark in field.metadata:
            if isinstance(mark, Env):
                yield path, mark.name


def fields(
    model: type[BaseModel], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], FieldInfo]]:
    """Every (path of keys, field) of the model that is not itself a section."""
    for key, field in model.model_fields.items():
        section = _section(field)
        if section is None:
            yield (*path, key), field
        else:
            yield from fields(section, (*path, key))


def _section(field: FieldInfo | None) -> type[BaseModel] | None:
    kind = field.annotation if field is not None else None
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _drop_empty_sections(values: dict[str, Any], model: type[BaseModel]) -> None:
    for key, field in model.model_fields.items():
        section = _section(field)
        if section is not None and key in values:
            if values[key] is None:
                del values[key]
            elif isinstance(values[key], dict):
                _drop_empty_sections(values[key], section)


def _put(values: dict[str, Any], path: tuple[str, ...], value: str) -> None:
    for key in path[:-1]:
        child = values.setdefault(key, {})
        if not isinstance(child, dict):  # the model's own check names the wrong section
            return
        values = child
    values[path[-1]] = value


def _problems(
    error: ValidationError, model: type[BaseModel], file: Path, document: Document
) -> Iterator[str]:
    problems = error.errors(include_url=False)
    for problem in problems[:_SHOWN_PROBLEMS]:
        yield _describe(problem, model, file, document)
    if (more := len(problems) - _SHOWN_PROBLEMS) > 0:
        yield f"{file}: and {more:,} more of that kind"


def _describe(problem: Any, model: type[BaseModel], file: Path, document: Document) -> str:
    path: KeyPath = tuple(key for key in problem["loc"] if key != "[key]")
    key = ".".join(map(str, path))
    places = (document.places.get(path[:n]) for n in range(len(path), -1, -1))
    place = next((found for found in places if found), str(file))
    if problem["type"] == "extra_forbidden":
        return f"{place}: unknown key {shortened(key)!r}{_nearest(model, path)}"
    field = _field_at(model, path)
    if _section(field) is not None:
        if problem["type"] == "value_error":  # values that do not go together
            return f"{place}: {key}: {_message(problem)}"
        return f"{place}: {key}: expected keys and values, found {_kind(problem['input'])}"
    found = _MASK if _is_secret(field) else _shown(problem["input"])
    return f"{place}: {shortened(key)}: {_message(problem)}, found {found}"


def _message(problem: Any) -> str:
    if problem["type"] == "too_short":
        return f"expected at least {problem['ctx']['min_length']}"
    message: str = problem["msg"].removeprefix("Value error, ")
    return message


def _is_secret(field: FieldInfo | None) -> bool:
    return field is not None and (
        field.annotation is SecretStr or any(isinstance(mark, Masked) for mark in field.metadata)
    )


def _nearest(model: type[BaseModel], path: KeyPath) -> str:
    """What may have been meant by an unknown key."""
    for key in path[:-1]:
        section = _section(model.model_fields.get(str(key)))
        if section is None:
            return ""
        model = section
    near = difflib.get_close_matches(str(path[-1])[:80], model.model_fields, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _field_at(model: type[BaseModel], path: KeyPath) -> FieldInfo | None:
    """The field that `path` leads to or into."""
    field: FieldInfo | None = None
    for key in path:
        field = model.model_fields.get(str(key))
        section = _section(field)
        if section is None:
            return field
        model = section
    return field


def _kind(value: object) -> str:
    return _KINDS.get(type(value), "a single value")


def _shown(value: object) -> str:
    """A value as an error shows it: whole lists and sections may hold anything."""
    if type(value) in _KINDS:
        return _kind(value)
    if not isinstance(value, str):
        return repr(value)
    _, at, after = value.rpartition("@")  # before it may stand a password
    return repr(shortened(f"…@{after}" if at else value))
