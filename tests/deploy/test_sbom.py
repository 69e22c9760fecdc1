"""What is told of each image is what its lock installs, in the form that scanners read."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ops import sbom
from parley import paths
from tests.deploy.dockerfile import PARTS, stages

ROOT = paths.repository()
SCHEMA = Path(__file__).parent / "schemas" / "cyclonedx-1.6.json"


@pytest.fixture(scope="module")
def valid() -> jsonschema.Draft7Validator:
    return jsonschema.Draft7Validator(json.loads(SCHEMA.read_text("utf-8")))


def wrong(validator: jsonschema.Draft7Validator, document: dict[str, Any]) -> list[str]:
    return [
        f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(document)
    ]


def test_there_is_one_for_each_image() -> None:
    assert set(sbom.locks(ROOT)) == set(PARTS)
    for image, lock in sbom.locks(ROOT).items():
        assert str(lock.relative_to(ROOT)) in stages()[f"{image}-files"].copied
    for image in PARTS:
        has_page = any("--from=page" in text for text in stages()[image].of("COPY"))
        assert has_page is (image in sbom.WITH_PAGE)


@pytest.mark.parametrize("image", PARTS)
def test_it_is_cyclonedx_and_names_every_package_of_the_lock(
    valid: jsonschema.Draft7Validator, image: str
) -> None:
    document = sbom.sbom(image, ROOT)
    assert wrong(valid, document) == []
    told = {(each["name"], each["version"]) for each in document["components"]}
    lock = sbom.locks(ROOT)[image].read_text("utf-8")
    unconditional = re.findall(r"^([\w.-]+)==([^\s;\\]+) \\?$", lock, re.MULTILINE)
    assert unconditional
    assert {
        (re.sub(r"[-_.]+", "-", name).lower(), version) for name, version in unconditional
    } <= told
    (base,) = [each for each in document["components"] if each["type"] == "container"]
    assert base["purl"].startswith("pkg:docker/python@3.13.")
    for each in document["components"]:
        assert each is base or each["hashes"]
        assert all(re.fullmatch(r"[0-9a-f]{64,128}", h["content"]) for h in each.get("hashes", ()))


def test_only_what_this_python_on_linux_gets_is_told(tmp_path: Path) -> None:
    (tmp_path / "deploy/docker/locks").mkdir(parents=True)
    (tmp_path / sbom.DOCKERFILE).write_text("ARG PYTHON_IMAGE=python:3.13.15-slim-trixie\n")
    digest = "a" * 64
    (tmp_path / sbom.LOCKS / "small.lock").write_text(
        f"Always_There==1.0 \\\n    --hash=sha256:{digest}\n"
        f"old==1 ; python_full_version < '3.12' \\\n    --hash=sha256:{digest}\n"
        f"new[extra]==2 ; python_full_version >= '3.12' \\\n    --hash=sha256:{digest} \\\n"
        f"    --hash=sha256:{'b' * 64}\n"
        f"windows==3 ; sys_platform == 'win32' \\\n    --hash=sha256:{digest}\n"
    )
    document = sbom.sbom("small", tmp_path)
    told = {each["purl"]: len(each.get("hashes", ())) for each in document["components"]}
    assert told == {
        "pkg:docker/python@3.13.15-slim-trixie": 0,
        "pkg:pypi/always-there@1.0": 1,
        "pkg:pypi/new@2": 2,
    }
    assert sbom.sbom("small", tmp_path) == document, "the same files, the same document"


def test_the_page_s_packages_are_told_and_its_tools_are_not(
    valid: jsonschema.Draft7Validator,
) -> None:
    document = sbom.sbom("gateway", ROOT)
    bundled = {each["name"] for each in document["components"] if ":npm/" in each["purl"]}
    assert {"preact", "livekit-client", "@bufbuild/protobuf"} <= bundled
    assert not {"vite", "vitest", "typescript", "@biomejs/biome"} & bundled


@pytest.mark.parametrize(
    "mistake",
    [
        lambda document: document.update(bomFormat="CycloneDx"),
        lambda document: document["components"][1].pop("name"),
        lambda document: document["components"][1]["hashes"][0].update(alg="SHA256"),
        lambda document: document["components"][1].update(kind="library"),
        lambda document: document.update(serialNumber="urn:uuid:1"),
    ],
)
def test_a_mistake_would_be_found(valid: jsonschema.Draft7Validator, mistake: Any) -> None:
    document = sbom.sbom("models", ROOT)
    mistake(document)
    assert wrong(valid, document)


def test_the_command_writes_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sbom.main(["--to", str(tmp_path / "out"), "models", "gateway"]) == 0
    written = sorted(file.name for file in (tmp_path / "out").iterdir())
    assert written == ["parley-gateway.cdx.json", "parley-models.cdx.json"]
    assert capsys.readouterr().out.count("components") == 2
