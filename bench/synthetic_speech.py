"""Speech made by the speech workers, for benchmarks that need a sentence nobody recorded."""

from collections.abc import AsyncIterator

import numpy as np

from parley.audio import Audio
from parley.speech import AudioChunk, SpeechPool, SynthesisRequest

SAMPLE_RATE_HZ = 24_000


async def synthesize(pool: SpeechPool, text: str, *, voice: str, seed: int = 1) -> Audio:
    """The text in that voice; raises SpeechError."""
    request = SynthesisRequest(voice=voice, sample_rate_hz=SAMPLE_RATE_HZ, seed=seed)
    chunks = [
        event.samples
        async for event in pool.synthesize(request, _once(text))
        if isinstance(event, AudioChunk)
    ]
    return Audio(np.concatenate([np.empty(0, dtype=np.int16), *chunks]), SAMPLE_RATE_HZ)


async def _once(text: str) -> AsyncIterator[str]:
    yield text
