"""The manifest: every model Parley knows, where it comes from, and what its bytes hash to.

`manifest.toml` holds the models that packages carry; `piper_hub.tsv` the facts of the voices of
the Piper hub (https://huggingface.co/rhasspy/piper-voices, its voices.json as of July 2026). The
hub publishes sizes and MD5 sums, so its voices are checked by size and MD5; all else by SHA-256.
"""

import difflib
import functools
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from parley.errors import ModelError
from parley.fetch import Checksum

ModelKind = Literal["voice", "voices", "recognition", "turn", "llm", "embedding"]

_HUB_SAMPLE_RATE_HZ = {"x_low": 16000, "low": 16000, "medium": 22050, "high": 22050}


@dataclass(frozen=True)
class PackageSource:
    """Wheels, each `NAME==VERSION`; a file's parts are paths inside them, as installed.

    `platform` is the tag of the wheels to take whatever machine this is, where there are wheels
    for that one alone and only their data is used; empty: those of this machine.
    """

    requirements: tuple[str, ...]
    platform: str = ""


@dataclass(frozen=True)
class HubSource:
    """A folder of the Piper hub; a file's one part is its name in that folder."""

    folder: str


@dataclass(frozen=True)
class ModuleSource:
    """The model is inside an installed Python module, which finds its files itself."""

    module: str


@dataclass(frozen=True)
class SharedSource:
    """The model is one of several that are made of the files of another, which is fetched once."""

    model: str


@dataclass(frozen=True)
class FolderSource:
    """The model is what lies in a folder of this machine; nobody fetches or verifies it."""

    folder: Path


@dataclass(frozen=True)
class ModelFile:
    """A file in the model's folder: `parts` of the source, joined in this order."""

    name: str
    parts: tuple[str, ...]
    size_bytes: int
    checksum: Checksum


@dataclass(frozen=True)
class ModelSpec:
    """One model. `languages` are BCP 47 tags, "mul" for a model of many languages.
    "voices" is the kind of a network that several voices share.

    `sample_rate_hz` is what a voice gives or recognition takes; None for a language model.
    """

    name: str
    kind: ModelKind
    engine: str
    languages: tuple[str, ...]
    sample_rate_hz: int | None
    license: str
    source: PackageSource | HubSource | ModuleSource | SharedSource | FolderSource
    files: tuple[ModelFile, ...]

    @property
    def size_bytes(self) -> int:
        """Bytes of all its files together."""
        return sum(file.size_bytes for file in self.files)


@functools.cache
def manifest() -> Mapping[str, ModelSpec]:
    """Every known model by name."""
    folder = Path(__file__).parent
    hub = _hub_voices((folder / "piper_hub.tsv").read_text(encoding="utf-8").splitlines()[1:])
    entries = tomllib.loads((folder / "manifest.toml").read_text(encoding="utf-8"))
    pinned = (_from_toml(name, entry) for name, entry in entries.items())
    return MappingProxyType({spec.name: spec for specs in (hub, pinned) for spec in specs})


def find(name: str) -> ModelSpec:
    """The model of that name; ModelError lists what is like it and what there is."""
    spec = manifest().get(name)
    if spec is None:
        near = difflib.get_close_matches(name.lower().replace("_", "-"), manifest(), n=3)
        guess = f" Did you mean {' or '.join(near)}?" if near else ""
        known = ", ".join(n for n, s in manifest().items() if not isinstance(s.source, HubSource))
        hub = sum(isinstance(s.source, HubSource) for s in manifest().values())
        raise ModelError(
            f"no model is called {name!r}.{guess} There are {known}, and {hub} voices of the "
            "Piper hub (piper-LANGUAGE-NAME-QUALITY, e.g. piper-en-us-lessac-medium)"
        )
    return spec


def holder(spec: ModelSpec) -> ModelSpec:
    """The model whose files are fetched for this one: itself, where it shares no other's."""
    return find(spec.source.model) if isinstance(spec.source, SharedSource) else spec


def _from_toml(name: str, entry: Mapping[str, Any]) -> ModelSpec:
    source: PackageSource | HubSource | ModuleSource | SharedSource
    if "packages" in entry:
        source = PackageSource(tuple(entry["packages"]), entry.get("wheel_platform", ""))
    elif "hub" in entry:
        source = HubSource(entry["hub"])
    elif "shares" in entry:
        source = SharedSource(entry["shares"])
    else:
        source = ModuleSource(entry["module"])
    return ModelSpec(
        name=name,
        kind=entry["kind"],
        engine=entry["engine"],
        languages=tuple(entry["languages"]),
        sample_rate_hz=entry.get("sample_rate_hz"),
        license=entry["license"],
        source=source,
        files=tuple(
            ModelFile(
                file["name"],
                tuple(file["parts"]),
                file["size_bytes"],
                Checksum("sha256", file["sha256"]),
            )
            for file in entry.get("files", ())
        ),
    )


def _hub_voices(rows: Iterable[str]) -> Iterator[ModelSpec]:
    """en_US-lessac-medium of the hub is piper-en-us-lessac-medium here."""
    for row in rows:
        language, voice, quality, model_bytes, model_md5, config_bytes, config_md5 = row.split("\t")
        key = f"{language}-{voice}-{quality}"
        model = Checksum("md5", model_md5)
        config = Checksum("md5", config_md5)
        yield ModelSpec(
            name=f"piper-{key}".lower().replace("_", "-"),
            kind="voice",
            engine="piper",
            languages=(language.replace("_", "-"),),
            sample_rate_hz=_HUB_SAMPLE_RATE_HZ[quality],
            license="see MODEL_CARD",
            source=HubSource(f"{language.split('_')[0]}/{language}/{voice}/{quality}"),
            files=(
                ModelFile("model.onnx", (f"{key}.onnx",), int(model_bytes), model),
                ModelFile("config.json", (f"{key}.onnx.json",), int(config_bytes), config),
            ),
        )
