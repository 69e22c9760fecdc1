"""A way into a room, and what a room does to the timing of sounds."""

import uuid

from caller.access import Access
from tests.caller.livekit import LiveKit

TRANSPORT_MS = (30.0, 250.0)
"""One way: an Opus frame, the network, the jitter buffer, and the source's tick."""

STARVED_S = 1.5
"""How much later, or longer with gaps, a sound may come out of a room on an overloaded machine."""


def access(livekit: LiveKit) -> Access:
    """A way into a new room."""
    room = f"parley-{uuid.uuid4().hex[:8]}"
    return Access(
        url=livekit.url, token=livekit.token("caller", room), room=room, identity="caller"
    )
