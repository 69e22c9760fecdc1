"""`./run keys create|list|revoke`: keys of the orchestrator's API."""

from gateway.keys.__main__ import main, make_parser

__all__ = ["main", "make_parser"]
