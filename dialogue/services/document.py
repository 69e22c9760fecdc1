"""An OpenAPI 3 document read into operations; a hostile or broken one is an error of a sentence."""

import json
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urljoin, urlsplit

import yaml
from pydantic import JsonValue

from dialogue.services.schema import Schemas, ServiceDocumentError

LARGEST_BYTES = 4_000_000
MOST_OPERATIONS = 64
"""Of one service: each is read by the model in every prompt."""
LONGEST_DESCRIPTION = 600
BODY = "body"
"""The argument that holds what a request carries."""

Method = Literal["get", "head", "post", "put", "patch", "delete"]
READING: frozenset[str] = frozenset({"get", "head"})
"""Methods that change nothing (RFC 9110, 9.2.1)."""

_METHODS: tuple[Method, ...] = ("get", "head", "post", "put", "patch", "delete")
_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9]+")
_LONGEST_NAME = 64
_JSON = re.compile(r"application/([\w.+-]+\+)?json\b")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ApiParameter:
    """`place` is where the request has it: path, query or header."""

    name: str
    place: str
    required: bool
    explode: bool


@dataclass(frozen=True)
class ApiOperation:
    """`path` is a template under the service's address; `schema` is that of all arguments."""

    name: str
    method: Method
    path: str
    description: str
    parameters: tuple[ApiParameter, ...]
    has_body: bool
    schema: Mapping[str, JsonValue]

    @property
    def read_only(self) -> bool:
        return self.method in READING


@dataclass(frozen=True)
class ApiDocument:
    """`address` is where requests go, with a slash at its end."""

    title: str
    address: str
    operations: tuple[ApiOperation, ...]


def parse_document(data: bytes, *, service: str, url: str) -> ApiDocument:
    """Reads JSON or YAML that came from `url`; may take a while, so call it in a thread.

    Operations that cannot be used are left out, and logged. Requests go to the origin of `url`
    whatever the document says: it may not send them, with their key, to somebody else's. Raises
    ServiceDocumentError.
    """
    raw = _loaded(data)
    version = str(raw.get("openapi", ""))
    if not version.startswith("3."):
        found = f"OpenAPI {version}" if version else "no OpenAPI version"
        if "swagger" in raw:
            found = f"Swagger {raw['swagger']}"
        raise ServiceDocumentError(f"the document at {url} says {found}; OpenAPI 3 is read")
    paths = raw.get("paths")
    if not isinstance(paths, dict):
        raise ServiceDocumentError(f"the document at {url} has no paths")
    operations = tuple(_operations(raw, paths, service))
    if len(operations) > MOST_OPERATIONS:
        raise ServiceDocumentError(
            f"the document at {url} has {len(operations):,} operations; a model is offered "
            f"{MOST_OPERATIONS} at most"
        )
    info = raw.get("info")
    title = str(info.get("title", "")) if isinstance(info, dict) else ""
    return ApiDocument(title or service, _address(raw, url), operations)


class _NoAliases(yaml.SafeLoader):
    """YAML's aliases multiply: a page of them becomes more than memory holds."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise ServiceDocumentError("the document has YAML aliases, which are not read")
        node: yaml.Node | None = super().compose_node(parent, index)
        return node


def _loaded(data: bytes) -> dict[str, Any]:
    if len(data) > LARGEST_BYTES:
        raise ServiceDocumentError(f"the document has more than {LARGEST_BYTES // 1_000_000} MB")
    try:
        text = data.decode("utf-8-sig")
        if text.lstrip().startswith("{"):
            loaded = json.loads(text)
        else:
            loaded = yaml.load(text, Loader=_NoAliases)  # noqa: S506 - a SafeLoader
    except (UnicodeDecodeError, ValueError, yaml.YAMLError) as error:
        first = str(error).split("\n", 1)[0]
        raise ServiceDocumentError(f"the document is neither JSON nor YAML: {first}") from None
    except RecursionError:
        raise ServiceDocumentError("the document is nested too deeply") from None
    if not isinstance(loaded, dict):
        raise ServiceDocumentError("the document is no OpenAPI document, but something else")
    return loaded


def _address(raw: Mapping[str, Any], url: str) -> str:
    servers = raw.get("servers")
    first = servers[0] if isinstance(servers, list) and servers else {}
    named = first.get("url", "") if isinstance(first, dict) else ""
    base = urljoin(url, ".")
    if isinstance(named, str) and named and "{" not in named:
        wanted = urljoin(url, named)
        if _origin(wanted) == _origin(url):
            base = wanted
        else:
            _log.warning(
                "the document at %s names the server %s: requests go to where it came from",
                url,
                named[:200],
            )
    return base.rstrip("/") + "/"


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port


def _operations(
    raw: Mapping[str, Any], paths: Mapping[str, Any], service: str
) -> Iterator[ApiOperation]:
    schemas = Schemas(raw)
    names: set[str] = set()
    for path, item in paths.items():
        for method in _METHODS:
            if not isinstance(item, dict) or method not in item:
                continue
            try:
                operation = _operation(schemas, service, str(path), method, item)
            except (ServiceDocumentError, RecursionError) as error:
                _log.warning("%s: %s %s is left out: %s", service, method.upper(), path, error)
                continue
            if operation.name in names:
                _log.warning("%s has two operations called %s", service, operation.name)
                continue
            names.add(operation.name)
            yield operation


def _operation(
    schemas: Schemas, service: str, path: str, method: Method, item: Mapping[str, Any]
) -> ApiOperation:
    schemas.begin()
    node = schemas.resolved(item[method])
    if not path.startswith("/"):
        raise ServiceDocumentError("its path does not begin with a slash")
    shared, own = item.get("parameters", []), node.get("parameters", [])
    if not isinstance(shared, list) or not isinstance(own, list):
        raise ServiceDocumentError("its parameters are no list")
    found: dict[str, tuple[ApiParameter, dict[str, JsonValue]]] = {}
    for each in [*shared, *own]:
        described = _parameter(schemas, schemas.resolved(each))
        if described is not None:
            found[described[0].name] = described
    in_path = set(re.findall(r"\{([^{}]+)\}", path))
    if missing := in_path - {name for name, (each, _) in found.items() if each.place == "path"}:
        raise ServiceDocumentError(f"{sorted(missing)[0]!r} of its path is not described")
    properties: dict[str, JsonValue] = {name: schema for name, (_, schema) in found.items()}
    required: list[JsonValue] = [name for name, (each, _) in found.items() if each.required]
    body = _body(schemas, node.get("requestBody"))
    if body is not None:
        properties[BODY] = body[0]
        if body[1]:
            required.append(BODY)
    texts = [node.get("summary"), node.get("description")]
    described_as = ". ".join(
        text.strip().rstrip(".") for text in texts if isinstance(text, str) and text.strip()
    )
    return ApiOperation(
        name=_name(service, method, path, node.get("operationId")),
        method=method,
        path=path,
        description=(described_as or f"{method.upper()} {path}")[:LONGEST_DESCRIPTION],
        parameters=tuple(each for each, _ in found.values()),
        has_body=body is not None,
        schema={"type": "object", "properties": properties, "required": required},
    )


def _parameter(
    schemas: Schemas, node: Mapping[str, Any]
) -> tuple[ApiParameter, dict[str, JsonValue]] | None:
    """None for what a model does not say: cookies, and headers that may be left out."""
    name, place = node.get("name"), node.get("in")
    if not isinstance(name, str) or place not in ("path", "query", "header", "cookie"):
        raise ServiceDocumentError("a parameter of it has no name or no place")
    required = node.get("required") is True or place == "path"
    if place in ("header", "cookie"):
        if required and (place == "cookie" or name.lower() == "authorization"):
            raise ServiceDocumentError(f"it wants the {place} {name!r}")
        if not required:
            return None
    if name == BODY:
        raise ServiceDocumentError(f"a parameter of it is called {BODY!r}")
    if "schema" not in node:
        raise ServiceDocumentError(f"its parameter {name!r} has no schema")
    schema = schemas.small(node["schema"])
    if isinstance(described := node.get("description"), str):
        schema.setdefault("description", described[:LONGEST_DESCRIPTION])
    explode = node.get("explode", place == "query") is True
    return ApiParameter(name, place, required, explode), schema


def _body(schemas: Schemas, node: Any) -> tuple[dict[str, JsonValue], bool] | None:
    if node is None:
        return None
    body = schemas.resolved(node)
    content = body.get("content")
    kinds = content if isinstance(content, dict) else {}
    json_kind = next((kind for kind in kinds if _JSON.match(str(kind))), None)
    if json_kind is None:
        raise ServiceDocumentError("its body is not JSON")
    media = schemas.resolved(kinds[json_kind])
    return schemas.small(media.get("schema", {})), body.get("required") is True


def _name(service: str, method: str, path: str, operation_id: Any) -> str:
    own = operation_id if isinstance(operation_id, str) and operation_id else f"{method}_{path}"
    name = f"{service}_{_NOT_IN_NAMES.sub('_', own).strip('_')}"
    return name[:_LONGEST_NAME]
