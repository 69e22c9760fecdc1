"""Many calls at once on synthesis workers at their limit: every reply is spoken to its end, once.

The workers are the real service on real sockets; only their engine is made of time.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack

import pytest

from parley.discovery import StaticDiscovery
from parley.speech import SpeechPool, SynthesisRequest, SynthesisWords
from tests.workers.speaking import VOICE, running_service

pytestmark = [pytest.mark.servers, pytest.mark.realtime]

CALLS, SLOTS = 12, 2
TEXTS = ("one two three", "four five", "six seven eight nine")
WORKERS = {
    "three at 0.6 s": (0.6, 0.6, 0.6),
    "three at 1.2 s": (1.2, 1.2, 1.2),
    "one slow among fast": (1.8, 0.05, 0.05),
}
"""How long each works on a text before its first sound."""


async def texts() -> AsyncGenerator[str]:
    for text in TEXTS:
        yield text


async def spoken_words(pool: SpeechPool, number: int) -> list[str]:
    """By the place of their text: one that another worker spoke the rest of counts once."""
    words: dict[int, list[str]] = {}
    request = SynthesisRequest(voice=VOICE, seed=number)
    async for event in pool.synthesize(request, texts()):
        if isinstance(event, SynthesisWords):
            words[event.text_index] = [word.word for word in event.words]
    return [word for index in sorted(words) for word in words[index]]


async def replies_on(takes_s: Sequence[float]) -> list[list[str]]:
    """What is spoken in so many calls at once, each with a pool of its own."""
    async with AsyncExitStack() as stack:
        targets = []
        for seconds in takes_s:
            service = await stack.enter_async_context(running_service(slots=SLOTS))
            service.engine.first_audio_s = seconds
            targets.append(service.address)
        pools = [SpeechPool(StaticDiscovery(",".join(targets))) for _ in range(CALLS)]
        for pool in pools:
            await stack.enter_async_context(pool)
        return await asyncio.gather(*(spoken_words(p, n) for n, p in enumerate(pools)))


async def test_every_reply_is_spoken_where_all_workers_are_at_their_limit() -> None:
    async with asyncio.timeout(120):
        found = await asyncio.gather(*map(replies_on, WORKERS.values()))
    for name, replies in zip(WORKERS, found, strict=True):
        assert replies == [" ".join(TEXTS).split()] * CALLS, name
