"""`deploy/sbom`: what is in each image, as CycloneDX 1.6, from the locks that it is built from.

Written from the same files it is the same byte for byte. The packages of the base images are in no
lock of ours: a scanner of built images (docs/production.md) tells those.
"""

import argparse
import base64
import json
import re
import sys
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from packaging.markers import Marker

from parley import __version__, paths
from parley.errors import ConfigurationError
from parley.program import reported

SCHEMA = "http://cyclonedx.org/schema/bom-1.6.schema.json"
LOCKS = "deploy/docker/locks"
COSYVOICE = "workers/engines/cosyvoice/requirements.lock"
PAGE = "web/package-lock.json"
WITH_PAGE = ("gateway", "orchestrator")
"""Images that hold the built page, and with it the packages that are bundled in it."""
DOCKERFILE = "deploy/docker/Dockerfile"

_PIN = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)(?:\s*;\s*([^\\]+?))?\s*\\?$")
_HASH = re.compile(r"\s+--hash=sha256:([0-9a-f]{64})")
_BASE = re.compile(r"^ARG (\w+)_IMAGE=(\S+)$", re.MULTILINE)
_NAMESPACE = uuid.UUID("8a5d1f4e-3f0e-4c53-9d0f-6b5b7a1f2c3d")

Component = dict[str, Any]
"""As CycloneDX has it."""


def locks(root: Path) -> dict[str, Path]:
    """The lock of each image of ours."""
    found = {file.stem: file for file in sorted((root / LOCKS).glob("*.lock"))}
    return found | {"tts-cosyvoice": root / COSYVOICE}


def sbom(image: str, root: Path) -> dict[str, Any]:
    """The document of one image; raises ConfigurationError for one that there is not."""
    lock = locks(root).get(image)
    if lock is None:
        raise ConfigurationError(
            f"there is no image {image!r}; there are: {', '.join(locks(root))}"
        )
    bases = dict(_BASE.findall((root / DOCKERFILE).read_text(encoding="utf-8")))
    python = re.search(r":(\d+\.\d+\.\d+)", bases["PYTHON"])
    assert python is not None, "tests/deploy/test_images.py holds the tags exact"
    components = [_base(bases["PYTHON"]), *_packages(lock, python[1])]
    if image in WITH_PAGE:
        components += _bundled(root / PAGE)
    own = f"parley-{image}"
    written = json.dumps(components, sort_keys=True)
    return {
        "$schema": SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, own + __version__ + written)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "container",
                "bom-ref": own,
                "name": own,
                "version": __version__,
            }
        },
        "components": components,
        "dependencies": [{"ref": own, "dependsOn": sorted(each["bom-ref"] for each in components)}],
    }


def _base(image: str) -> Component:
    name, _, tag = image.partition(":")
    return _component("container", name, tag, f"pkg:docker/{name}@{quote(tag)}")


def _packages(lock: Path, python: str) -> Iterator[Component]:
    """Those that the lock has for this Python on Linux; `hashes` are of the files that may be
    installed, one for each processor and Python."""
    name = version = ""
    hashes: list[str] = []
    is_wanted = False
    for line in [*lock.read_text(encoding="utf-8").splitlines(), "end==0"]:
        if found := _HASH.match(line):
            hashes.append(found[1])
            continue
        pin = _PIN.match(line)
        if pin is None:
            continue
        if is_wanted:
            yield _package(name, version, hashes)
        name, version, marker = pin[1], pin[2], pin[3]
        is_wanted, hashes = _applies(marker, python), []


def _package(name: str, version: str, hashes: list[str]) -> Component:
    plain = re.sub(r"[-_.]+", "-", name).lower()
    component = _component("library", plain, version, f"pkg:pypi/{plain}@{quote(version)}")
    return component | {"hashes": [{"alg": "SHA-256", "content": each} for each in sorted(hashes)]}


def _applies(marker: str | None, python: str) -> bool:
    """On Linux, on the processor that most servers have."""
    if not marker:
        return True
    environment = {
        "implementation_name": "cpython",
        "implementation_version": python,
        "os_name": "posix",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": python,
        "python_version": python.rpartition(".")[0],
        "sys_platform": "linux",
    }
    return Marker(marker).evaluate(environment)


def _bundled(lock: Path) -> Iterator[Component]:
    """What the page is built from and still holds: no tool of the build."""
    document = json.loads(lock.read_text(encoding="utf-8"))
    for place, each in sorted(document["packages"].items()):
        name = place.rpartition("node_modules/")[2]
        if name and not each.get("dev") and not name.startswith("@types/"):
            yield _bundled_package(name, each)


def _bundled_package(name: str, locked: Mapping[str, Any]) -> Component:
    purl = f"pkg:npm/{quote(name, safe='/')}@{quote(locked['version'])}"
    component = _component("library", name, locked["version"], purl)
    algorithm, _, digest = str(locked["integrity"]).partition("-")
    hashes = [
        {
            "alg": {"sha512": "SHA-512", "sha1": "SHA-1"}[algorithm],
            "content": base64.b64decode(digest).hex(),
        }
    ]
    license_ = {"licenses": [{"expression": locked["license"]}]} if "license" in locked else {}
    return component | {"hashes": hashes} | license_


def _component(kind: str, name: str, version: str, purl: str) -> Component:
    return {"type": kind, "bom-ref": purl, "name": name, "version": version, "purl": purl}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="deploy/sbom", description=__doc__)
    parser.add_argument("images", nargs="*", metavar="IMAGE", help="default: all of them")
    parser.add_argument("--to", type=Path, metavar="DIR", default=Path("sbom"), help="(sbom)")
    options = parser.parse_args(arguments)
    root = paths.repository()
    options.to.mkdir(parents=True, exist_ok=True)
    for image in options.images or locks(root):
        file = options.to / f"parley-{image}.cdx.json"
        document = sbom(image, root)
        file.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        print(f"{file}: {len(document['components'])} components")
    return 0


if __name__ == "__main__":
    sys.exit(reported(lambda: main(sys.argv[1:])))
