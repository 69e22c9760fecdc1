"""JSON schemas of an OpenAPI document made small and closed: as a model is shown arguments."""

from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

from parley.errors import ParleyError

DEEPEST = 16
MOST_NODES = 2_000
"""Of the schema of one operation: what is larger no model reads."""
LONGEST_DESCRIPTION = 400

_COPIED = (
    "type", "format", "enum", "const", "default", "minimum", "maximum", "minLength", "maxLength",
    "pattern", "minItems", "maxItems", "uniqueItems",
)  # fmt: skip
_LISTS = ("oneOf", "anyOf", "allOf")


class ServiceDocumentError(ParleyError):
    """A description of a service that cannot be used; the text says what is wrong where."""


class Schemas:
    """Resolves the references of one document; those that lead out of it are refused."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._nodes = 0

    def begin(self) -> None:
        """Of the next operation."""
        self._nodes = 0

    def resolved(self, node: Any) -> Mapping[str, Any]:
        """What the node, or the reference that it is, says. Raises ServiceDocumentError."""
        for _ in range(DEEPEST):
            if not isinstance(node, dict):
                raise ServiceDocumentError(f"expected an object, found {_shown(node)}")
            reference = node.get("$ref")
            if reference is None:
                return node
            node = self._at(reference)
        raise ServiceDocumentError("references lead in a circle")

    def small(self, node: Any) -> dict[str, JsonValue]:
        """The schema without references; what contains itself is anything at that place.

        Raises ServiceDocumentError.
        """
        return self._small(node, ())

    def _small(self, node: Any, open_references: tuple[str, ...]) -> dict[str, JsonValue]:
        self._nodes += 1
        if self._nodes > MOST_NODES or len(open_references) > DEEPEST:
            raise ServiceDocumentError("its schema is too large or too deep")
        if node is True:
            return {}
        if not isinstance(node, dict):
            raise ServiceDocumentError(f"expected a schema, found {_shown(node)}")
        if (reference := node.get("$ref")) is not None:
            if reference in open_references:
                return {}
            return self._small(self._at(reference), (*open_references, str(reference)))
        small: dict[str, JsonValue] = {key: node[key] for key in _COPIED if key in node}
        if isinstance(described := node.get("description"), str):
            small["description"] = described[:LONGEST_DESCRIPTION]
        if node.get("nullable") is True and isinstance(small.get("type"), str):
            small["type"] = [small["type"], "null"]
        deeper = (*open_references, "")
        if isinstance(properties := node.get("properties"), dict):
            small |= self._properties(properties, node.get("required"), deeper)
        if "items" in node:
            small["items"] = self._small(node["items"], deeper)
        if isinstance(additional := node.get("additionalProperties"), bool):
            small["additionalProperties"] = additional
        for key in _LISTS:
            if isinstance(choices := node.get(key), list):
                small[key] = [self._small(choice, deeper) for choice in choices]
        return small

    def _properties(
        self, properties: Mapping[Any, Any], required: Any, open_references: tuple[str, ...]
    ) -> dict[str, JsonValue]:
        shown: dict[str, JsonValue] = {
            str(name): self._small(each, open_references)
            for name, each in properties.items()
            # What the service fills in is not for the model to say.
            if not (isinstance(each, dict) and each.get("readOnly") is True)
        }
        wanted = required if isinstance(required, list) else []
        return {"properties": shown, "required": [name for name in wanted if name in shown]}

    def _at(self, reference: object) -> Any:
        if not isinstance(reference, str) or not reference.startswith("#/"):
            raise ServiceDocumentError(
                f"the reference {_shown(reference)} leads out of the document"
            )
        node: Any = self._document
        for part in reference[2:].split("/"):
            key = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(node, dict) or key not in node:
                raise ServiceDocumentError(f"the reference {_shown(reference)} leads nowhere")
            node = node[key]
        return node


def _shown(value: object) -> str:
    return repr(value)[:80]
