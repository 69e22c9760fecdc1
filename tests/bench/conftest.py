"""Servers that the benchmarks' tests share."""

from tests.caller.conftest import livekit

__all__ = ["livekit"]
