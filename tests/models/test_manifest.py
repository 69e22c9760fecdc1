"""What the manifest promises."""

import re

import pytest

from parley import models
from parley.errors import ModelError
from parley.models.manifest import HubSource, PackageSource, SharedSource, holder


def test_every_model_says_what_it_is_and_every_file_has_a_checksum() -> None:
    for name, spec in models.manifest().items():
        assert spec.name == name == name.lower()
        assert spec.license
        assert spec.languages
        assert (spec.sample_rate_hz is None) == (spec.kind in ("llm", "embedding"))
        for file in spec.files:
            length = {"sha256": 64, "md5": 32}[file.checksum.algorithm]
            assert re.fullmatch(f"[0-9a-f]{{{length}}}", file.checksum.hex), (name, file.name)
            assert file.size_bytes > 0
            assert file.parts


def test_models_from_packages_are_pinned_to_a_version_and_a_sha256() -> None:
    packaged = [s for s in models.manifest().values() if isinstance(s.source, PackageSource)]
    assert packaged
    for spec in packaged:
        assert isinstance(spec.source, PackageSource)
        assert all(re.fullmatch(r"[\w-]+==[\w.]+", pin) for pin in spec.source.requirements)
        assert all(file.checksum.algorithm == "sha256" for file in spec.files)


def test_the_voices_of_the_hub_are_known_under_our_names() -> None:
    lessac = models.find("piper-en-us-lessac-medium")
    assert lessac.source == HubSource("en/en_US/lessac/medium")
    assert lessac.sample_rate_hz == 22050
    amy = models.find("piper-en-us-amy-low")
    assert (amy.engine, amy.languages, amy.sample_rate_hz) == ("piper", ("en-US",), 16000)
    assert amy.files[0].parts == ("en_US-amy-low.onnx",)
    assert sum(isinstance(s.source, HubSource) for s in models.manifest().values()) > 150


def test_a_voice_that_a_package_brings_is_taken_from_the_package() -> None:
    assert isinstance(models.find("piper-en-us-joe-medium").source, PackageSource)


def test_voices_of_one_network_share_its_files_and_its_license() -> None:
    shared = [s for s in models.manifest().values() if isinstance(s.source, SharedSource)]
    assert shared
    for spec in shared:
        network = holder(spec)
        assert network.files and not spec.files
        assert isinstance(network.source, PackageSource)
        assert (network.engine, network.license) == (spec.engine, spec.license)
        assert network.kind == "voices", "it is no voice itself"
    assert holder(models.find("whisper-base")) is models.find("whisper-base")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("piper-en-us-lesac-medium", "piper-en-us-lessac-medium"),
        ("en_US-lessac-medium", "piper-en-us-lessac-medium"),
        ("whisper-bsae", "whisper-base"),
    ],
)
def test_a_misspelt_name_is_answered_with_what_was_meant(name: str, meant: str) -> None:
    with pytest.raises(ModelError) as caught:
        models.find(name)
    assert repr(name) in str(caught.value)
    assert f"Did you mean {meant}" in str(caught.value)


def test_a_name_like_nothing_is_answered_with_what_there_is() -> None:
    with pytest.raises(ModelError) as caught:
        models.find("%%%")
    assert "Did you mean" not in str(caught.value)
    assert "piper-en-us-joe-medium" in str(caught.value)
    assert "voices of the Piper hub" in str(caught.value)
