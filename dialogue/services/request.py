"""What a model's arguments are as an HTTP request of an operation."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from pydantic import JsonValue

from dialogue.services.document import BODY, ApiOperation
from dialogue.tools import ToolArgumentsError

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


@dataclass(frozen=True)
class ServiceRequest:
    """`path` is relative to the service's address."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


def request_of(operation: ApiOperation, arguments: Mapping[str, JsonValue]) -> ServiceRequest:
    """Raises ToolArgumentsError for arguments that the operation does not take."""
    _check(operation, arguments)
    path, query, headers = operation.path, list[tuple[str, str]](), dict[str, str]()
    for parameter in operation.parameters:
        value = arguments.get(parameter.name)
        if value is None:
            continue
        if parameter.place == "path":
            path = path.replace(f"{{{parameter.name}}}", _in_path(parameter.name, value))
        elif parameter.place == "header":
            headers[parameter.name] = _in_header(parameter.name, value)
        elif isinstance(value, list) and parameter.explode:
            query += [(parameter.name, _text(each)) for each in value]
        else:
            query.append((parameter.name, _text(value)))
    body = None
    if operation.has_body and arguments.get(BODY) is not None:
        body = json.dumps(arguments[BODY]).encode()
    return ServiceRequest(operation.method.upper(), path.lstrip("/"), tuple(query), headers, body)


def _check(operation: ApiOperation, arguments: Mapping[str, JsonValue]) -> None:
    properties = operation.schema["properties"]
    required = operation.schema["required"]
    assert isinstance(properties, dict)
    assert isinstance(required, list)
    if unknown := [name for name in arguments if name not in properties]:
        known = ", ".join(properties) or "none"
        raise ToolArgumentsError(f"{unknown[0]!r} is no argument; there are: {known}")
    for name in required:
        if arguments.get(str(name)) is None:
            raise ToolArgumentsError(f"{name!r} is missing")
    for name, value in arguments.items():
        schema: Any = properties[name]
        if value is not None:
            _check_value(name, value, schema)


def _check_value(name: str, value: JsonValue, schema: Mapping[str, Any]) -> None:
    """Its type and choices; all else the service judges."""
    wanted = schema.get("type")
    kinds = [wanted] if isinstance(wanted, str) else wanted if isinstance(wanted, list) else []
    allowed = [python for kind in kinds for python in _TYPES.get(str(kind), (object,))]
    is_bool = isinstance(value, bool)
    fits = bool in allowed if is_bool else isinstance(value, tuple(allowed))
    if allowed and object not in allowed and not fits:
        raise ToolArgumentsError(f"{name!r} is to be of type {' or '.join(map(str, kinds))}")
    choices = schema.get("enum")
    if isinstance(choices, list) and value not in choices:
        raise ToolArgumentsError(f"{name!r} is to be one of {', '.join(map(str, choices))}")


def _in_path(name: str, value: JsonValue) -> str:
    text = _text(value)
    if text in ("", ".", ".."):  # these would be another path
        raise ToolArgumentsError(f"{name!r} cannot be {text!r}")
    return quote(text, safe="")


def _in_header(name: str, value: JsonValue) -> str:
    text = _text(value)
    if not re.fullmatch(r"[ -~]*", text):
        raise ToolArgumentsError(f"{name!r} has characters that no header has")
    return text


def _text(value: JsonValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(map(_text, value))
    if isinstance(value, dict):
        return json.dumps(value)
    return "" if value is None else str(value)
