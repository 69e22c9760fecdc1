"""Models: one manifest of what exists, and a store that fetches, verifies and caches it."""

from parley.models.manifest import ModelFile, ModelSpec, find, manifest
from parley.models.store import cached, ensure

__all__ = ["ModelFile", "ModelSpec", "cached", "ensure", "find", "manifest"]
