"""A YAML file as plain values, with the line of each and `${VARIABLE}` substituted."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from parley.errors import ConfigurationError

KeyPath = tuple[str | int, ...]

_VARIABLE = re.compile(
    r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>(?:[^}$]|\$(?!\{))*))?\}"
)

MAX_BYTES = 256 * 1024
"""A larger file is none that a person wrote; reading one would take minutes."""

_SHOWN_CHARACTERS = 80
_NULL = "tag:yaml.org,2002:null"


@dataclass
class Document:
    """`values` as written, `places` where each key stands (`file:line`)."""

    values: dict[str, Any] = field(default_factory=dict)
    places: dict[KeyPath, str] = field(default_factory=dict)


def read_document(file: Path, environ: Mapping[str, str] | None) -> Document:
    """Reads `file`; one that is missing or empty gives an empty document.

    Where there is an `environ`, `${NAME}` and `${NAME:-default}` in a value are substituted, as
    text: what a variable holds is never read as YAML. Raises ConfigurationError with file and
    line, never showing a value, for what is too large, not UTF-8 or not YAML, for a key that
    stands twice, an alias, an unknown tag, or a variable without value or default.
    """
    text = _text(file)
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{file}:{mark.line + 1}" if mark else str(file)
        raise ConfigurationError(f"{place}: not valid YAML: {error.problem}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigurationError(
            f"{file}:{line}: not valid YAML: the character #x{error.character:04x} is not allowed"
        ) from None
    except RecursionError:
        raise ConfigurationError(f"{file}: not valid YAML: nested too deeply") from None
    if root is None or root.tag == _NULL:
        return Document()
    if not isinstance(root, yaml.MappingNode):
        raise ConfigurationError(f"{file}:1: expected keys and values, found {_kind(root)}")
    return _Reader(file, environ).read(root)


def _text(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be read ({error.strerror})") from None
    if len(data) > MAX_BYTES:
        raise ConfigurationError(f"{file}: larger than {MAX_BYTES // 1024} KiB, which is not read")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{file}:{line}: not UTF-8 text") from None


class _Reader:
    def __init__(self, file: Path, environ: Mapping[str, str] | None) -> None:
        self._file = file
        self._environ = environ
        self._document = Document()
        self._seen: set[int] = set()

    def read(self, root: yaml.MappingNode) -> Document:
        self._document.places[()] = self._place(root)
        self._document.values = self._mapping(root, ())
        return self._document

    def _place(self, node: yaml.Node) -> str:
        return f"{self._file}:{node.start_mark.line + 1}"

    def _value(self, node: yaml.Node, path: KeyPath) -> Any:
        self._document.places.setdefault(path, self._place(node))
        if id(node) in self._seen:  # an alias gives the anchor's own node, perhaps within itself
            raise ConfigurationError(
                f"{self._document.places[path]}: {_dotted(path)}: aliases (*name) are not "
                "supported; write the value out"
            )
        self._seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise ConfigurationError(f"{self._place(key)}: a key must be a plain word")
            if key.value in mapping:
                raise ConfigurationError(
                    f"{self._place(key)}: key {shortened(key.value)!r} appears twice"
                )
            self._document.places[(*path, key.value)] = self._place(key)
            mapping[key.value] = self._value(value, (*path, key.value))
        return mapping

    def _scalar(self, node: yaml.Node, path: KeyPath) -> Any:
        place = f"{self._document.places[path]}: {_dotted(path)}"
        if self._environ is not None and "${" in node.value:
            return self._substituted(node.value, place, self._environ)
        try:
            return yaml.SafeLoader("").construct_document(node)
        except (yaml.YAMLError, ValueError, OverflowError):
            name = str(node.tag).removeprefix("tag:yaml.org,2002:")
            raise ConfigurationError(f"{place}: cannot be read as {name}") from None

    def _substituted(self, text: str, place: str, environ: Mapping[str, str]) -> str:
        def value_of(match: re.Match[str]) -> str:
            value = environ.get(match["name"]) or match["default"]
            if value is None:
                raise ConfigurationError(
                    f"{place}: environment variable {match['name']} is not set and has no default "
                    f"(write ${{{match['name']}:-default}})"
                )
            return value

        if "${" in _VARIABLE.sub("", text):
            raise ConfigurationError(
                f"{place}: only ${{NAME}} and ${{NAME:-default}} are substituted, not nested"
            )
        return _VARIABLE.sub(value_of, text)


def _dotted(path: KeyPath) -> str:
    return ".".join(shortened(str(key)) for key in path)


def shortened(text: str) -> str:
    """As an error shows it."""
    if len(text) <= _SHOWN_CHARACTERS:
        return text
    return f"{text[:_SHOWN_CHARACTERS]}… ({len(text):,} characters)"


def _kind(node: yaml.Node) -> str:
    return "a list" if isinstance(node, yaml.SequenceNode) else "a single value"
