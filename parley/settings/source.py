"""Reads settings from a YAML file and the environment; errors name file, line and key."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from parley.errors import ConfigurationError

_VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")

Path_ = tuple[str | int, ...]


class Section(BaseModel):
    """One heading of a configuration file: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


@dataclass(frozen=True)
class Env:
    """Marks a settings field that an environment variable overrides: `Annotated[str, Env("X")]`."""

    name: str


SettingsT = TypeVar("SettingsT", bound=Section)


def load(
    model: type[SettingsT], file: Path, *, environ: Mapping[str, str] = os.environ
) -> SettingsT:
    """Reads `file` into `model`; a missing file gives the defaults.

    Raises ConfigurationError for YAML that does not parse, an unset variable without default,
    an unknown key, or a value of the wrong type: each with file, line and key.
    """
    values, lines = _read(file, environ)
    for path, name in environment_variables(model):
        if environ.get(name):
            _put(values, path, environ[name])
            lines[path] = f"environment variable {name}"
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems = "\n".join(_describe(problem, file, lines) for problem in error.errors())
        raise ConfigurationError(problems) from None


def environment_variables(model: type[BaseModel]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every (path of keys, variable) that the model takes from the environment."""
    for key, field in model.model_fields.items():
        for mark in field.metadata:
            if isinstance(mark, Env):
                yield (key,), mark.name
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            for path, name in environment_variables(field.annotation):
                yield (key, *path), name


def _read(file: Path, environ: Mapping[str, str]) -> tuple[dict[str, Any], dict[Path_, str]]:
    if not file.exists():
        return {}, {}
    try:
        root = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{file}:{mark.line + 1}" if mark else str(file)
        problem = getattr(error, "problem", None) or str(error)
        raise ConfigurationError(f"{where}: not valid YAML: {problem}") from None
    if root is None:
        return {}, {}
    lines: dict[Path_, str] = {}
    values = _value(root, (), lines, file, environ)
    if not isinstance(values, dict):
        raise ConfigurationError(f"{file}:1: expected keys and values, found {values!r}")
    return values, lines


def _value(
    node: yaml.Node, path: Path_, lines: dict[Path_, str], file: Path, environ: Mapping[str, str]
) -> Any:
    lines[path] = f"{file}:{node.start_mark.line + 1}"
    if isinstance(node, yaml.MappingNode):
        mapping: dict[str, Any] = {}
        for key, value in node.value:
            if key.value in mapping:
                line = key.start_mark.line + 1
                raise ConfigurationError(f"{file}:{line}: key {key.value!r} appears twice")
            mapping[key.value] = _value(value, (*path, key.value), lines, file, environ)
            lines[(*path, key.value)] = f"{file}:{key.start_mark.line + 1}"
        return mapping
    if isinstance(node, yaml.SequenceNode):
        return [
            _value(value, (*path, index), lines, file, environ)
            for index, value in enumerate(node.value)
        ]
    return _scalar(node, lines[path], path, environ)


def _scalar(node: yaml.Node, where: str, path: Path_, environ: Mapping[str, str]) -> Any:
    def substitute(match: re.Match[str]) -> str:
        value = environ.get(match["name"]) or match["default"]
        if value is None:
            key = ".".join(map(str, path))
            raise ConfigurationError(
                f"{where}: {key}: environment variable {match['name']} is not set "
                f"and has no default (write ${{{match['name']}:-default}})"
            )
        return value

    text, count = _VARIABLE.subn(substitute, node.value)
    return yaml.safe_load(text) if count else yaml.safe_load(yaml.serialize(node))


def _put(values: dict[str, Any], path: tuple[str, ...], value: str) -> None:
    for key in path[:-1]:
        child = values.setdefault(key, {})
        if not isinstance(child, dict):  # the model's own check names the wrong section
            return
        values = child
    values[path[-1]] = value


def _describe(problem: Any, file: Path, lines: dict[Path_, str]) -> str:
    path: Path_ = tuple(problem["loc"])
    key = ".".join(map(str, path))
    where = next(
        (lines[path[:n]] for n in range(len(path), -1, -1) if path[:n] in lines), str(file)
    )
    if problem["type"] == "extra_forbidden":
        return f"{where}: unknown key {key!r}"
    message = problem["msg"].removeprefix("Value error, ")
    return f"{where}: {key}: {message}, found {problem['input']!r}"
