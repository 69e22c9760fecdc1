"""Models: one manifest of what exists, and a store that fetches, verifies and caches it."""

from parley.models.languages import languages_of
from parley.models.manifest import ModelFile, ModelSpec, find, manifest
from parley.models.store import cached, cached_spec, ensure, ensure_spec

__all__ = [
    "ModelFile",
    "ModelSpec",
    "cached",
    "cached_spec",
    "ensure",
    "ensure_spec",
    "find",
    "languages_of",
    "manifest",
]
