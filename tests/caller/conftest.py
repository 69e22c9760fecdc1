"""Servers that the caller's tests share."""

import pytest

from ops.supervisor.stack import Stack
from tests.caller.livekit import LiveKit


@pytest.fixture(scope="session")
def livekit(livekit: Stack) -> LiveKit:
    """The rooms of the shared LiveKit server."""
    url = livekit.configuration.orchestrator.livekit.url
    return LiveKit(url, livekit.keys.api_key, livekit.keys.api_secret)
