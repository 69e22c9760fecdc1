"""Sounds that tests and benchmarks speak, made of random numbers: the same in every run."""

import numpy as np

from parley.audio import Audio

SAMPLE_RATE_HZ = 48_000


def burst(length_s: float = 0.5, *, tail_s: float = 0.2) -> Audio:
    """Noise with sharp edges, and silence after it, as recordings have."""
    speech = np.random.default_rng(7).normal(0, 6000, round(length_s * SAMPLE_RATE_HZ))
    tail = np.zeros(round(tail_s * SAMPLE_RATE_HZ))
    samples = np.concatenate([speech, tail]).clip(-32767, 32767).astype(np.int16)
    return Audio(samples, SAMPLE_RATE_HZ)
