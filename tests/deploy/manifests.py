"""The overlays as kubectl renders them, and what Kubernetes and the installed CRDs say of each."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from parley import paths
from tests.deploy.conftest import Tool

FOLDER = paths.repository() / "deploy" / "kubernetes"
OVERLAYS = ("cpu", "gpu", "development")
VERSION = "1.34"
_SCHEMAS = Path(__file__).with_name("schemas") / "custom_resources.json"
_OPEN = "x-kubernetes-preserve-unknown-fields"

Manifest = dict[str, Any]


def rendered(kubectl: Tool, overlay: str) -> list[Manifest]:
    done = kubectl("kustomize", FOLDER / "overlays" / overlay)
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def of_kind(manifests: list[Manifest], *kinds: str) -> dict[str, Manifest]:
    return {each["metadata"]["name"]: each for each in manifests if each["kind"] in kinds}


def pod_specs(manifests: list[Manifest]) -> dict[str, Manifest]:
    """By the name of the Deployment or Job."""
    found = of_kind(manifests, "Deployment", "Job", "DaemonSet", "StatefulSet")
    return {name: each["spec"]["template"]["spec"] for name, each in found.items()}


def check(manifest: Manifest) -> None:
    """Raises jsonschema.ValidationError, also for a key that there is not."""
    from kubernetes_validate import validate  # noqa: PLC0415 - it may not be here

    group, _, version = manifest["apiVersion"].rpartition("/")
    schema = _custom().get(f"{manifest['kind']}.{group}.{version}")
    if schema is None:
        validate(manifest, VERSION, strict=True)
    else:
        jsonschema.validate(manifest, schema)


@cache
def _custom() -> dict[str, Any]:
    schemas = json.loads(_SCHEMAS.read_text("utf-8"))["schemas"]
    return {name: _closed(schema, at_top=True) for name, schema in schemas.items()}


def _closed(node: Any, *, at_top: bool = False) -> Any:
    """The server drops keys that a CRD does not know, in silence: here they are errors."""
    if isinstance(node, list):
        return [_closed(each) for each in node]
    if not isinstance(node, dict):
        return node
    if node.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    closed = {key: _closed(value) for key, value in node.items()}
    properties = node.get("properties")
    if isinstance(properties, dict) and node.get("type") == "object" and not node.get(_OPEN):
        closed["additionalProperties"] = False
        if at_top:
            closed["properties"]["metadata"] = {"type": "object"}
    return closed


def containers(spec: Manifest) -> Iterator[Manifest]:
    yield from spec.get("initContainers", [])
    yield from spec["containers"]
