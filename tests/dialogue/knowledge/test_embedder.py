"""Vectors for who waits: together, without holding up the event loop."""

import asyncio

import numpy as np
import pytest

from dialogue.embeddings.embedder import Embedder, EmbeddingError
from parley.errors import ModelError
from tests.dialogue.knowledge.word_hash import WordHash, embedder


async def test_who_comes_while_a_batch_is_computed_goes_into_the_next_one_together() -> None:
    encoder = WordHash()
    encoder.may_go_on.clear()
    ours = embedder(encoder)
    first = asyncio.create_task(ours.embed(["one"]))
    while not encoder.batches:  # noqa: ASYNC110 - a thread says so
        await asyncio.sleep(0.001)  # the loop runs on while the thread computes
    others = [asyncio.create_task(ours.embed([text])) for text in ("two", "three", "two")]
    await asyncio.sleep(0)
    encoder.may_go_on.set()
    vectors = [(await task)[0] for task in (first, *others)]
    assert encoder.batches == [["one"], ["two", "three"]]
    for text, vector in zip(("one", "two", "three", "two"), vectors, strict=True):
        assert np.allclose(vector, WordHash().encode([text])[0])
    await ours.aclose()


async def test_a_request_that_is_cancelled_while_it_waits_is_not_computed() -> None:
    encoder = WordHash()
    encoder.may_go_on.clear()
    ours = embedder(encoder)
    first = asyncio.create_task(ours.embed(["one"]))
    await asyncio.sleep(0)
    unwanted = asyncio.create_task(ours.embed(["unwanted"]))
    wanted = asyncio.create_task(ours.embed(["wanted"]))
    await asyncio.sleep(0)
    unwanted.cancel()
    await asyncio.gather(unwanted, return_exceptions=True)
    encoder.may_go_on.set()
    await first
    await wanted
    assert "unwanted" not in [text for batch in encoder.batches for text in batch]
    await ours.aclose()


async def test_a_model_that_cannot_be_read_fails_each_request_and_is_tried_again() -> None:
    tries = 0

    def load() -> WordHash:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise ModelError("its file is gone")
        return WordHash()

    ours = Embedder(load, name="word-hash")
    with pytest.raises(EmbeddingError, match="its file is gone"):
        await ours.embed(["one"])
    assert (await ours.embed(["one"])).shape[0] == 1
    await ours.aclose()


async def test_requests_that_wait_when_it_closes_fail_and_none_hangs() -> None:
    encoder = WordHash()
    encoder.may_go_on.clear()
    ours = embedder(encoder)
    running = asyncio.create_task(ours.embed(["one"]))
    while not encoder.batches:  # noqa: ASYNC110 - a thread says so
        await asyncio.sleep(0.001)
    waiting = asyncio.create_task(ours.embed(["two"]))
    await asyncio.sleep(0)
    closing = asyncio.create_task(ours.aclose())
    with pytest.raises(EmbeddingError, match="closed"):
        await waiting
    encoder.may_go_on.set()
    await running
    await closing
    with pytest.raises(EmbeddingError, match="closed"):
        await ours.embed(["three"])
