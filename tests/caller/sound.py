"""Sounds to be spoken, and what a room does to their timing."""

import uuid

import numpy as np

from caller.access import Access
from parley.audio import Audio
from tests.caller.livekit import LiveKit

SAMPLE_RATE_HZ = 48_000

TRANSPORT_MS = (30.0, 250.0)
"""One way: an Opus frame, the network, the jitter buffer, and the source's tick."""

STARVED_S = 1.5
"""How much later, or longer with gaps, a sound may come out of a room on an overloaded machine."""


def burst(length_s: float = 0.5, *, tail_s: float = 0.2) -> Audio:
    """Noise with sharp edges, and silence after it, as recordings have."""
    speech = np.random.default_rng(7).normal(0, 6000, round(length_s * SAMPLE_RATE_HZ))
    tail = np.zeros(round(tail_s * SAMPLE_RATE_HZ))
    samples = np.concatenate([speech, tail]).clip(-32767, 32767).astype(np.int16)
    return Audio(samples, SAMPLE_RATE_HZ)


def access(livekit: LiveKit) -> Access:
    """A way into a new room."""
    room = f"parley-{uuid.uuid4().hex[:8]}"
    return Access(
        url=livekit.url, token=livekit.token("caller", room), room=room, identity="caller"
    )
