"""Memory stays flat over many utterances, half of them cancelled.

`PARLEY_MEMORY_UTTERANCES` makes it longer than a test run needs (default 60).
"""

import os
import random
from pathlib import Path

import grpc
import psutil
import pytest

from parley.rpc.v1 import synthesis_pb2_grpc as rpc
from tests.workers.speaking import END, collect, opening, text
from tests.workers.test_tts_worker import client, started

pytestmark = [pytest.mark.servers, pytest.mark.timeout(3600)]

WORDS = "the weather was clear over long silver rivers and old stone bridges in spring".split()
GROWTH_BYTES = 30e6


async def _utter(stub: "rpc.SpeechSynthesisAsyncStub", chance: random.Random, number: int) -> None:
    """An utterance of one to three texts; every other one is cancelled somewhere."""
    call = stub.Synthesize(timeout=120)
    await call.write(opening(seed=number, sample_rate_hz=chance.choice([0, 16000, 48000])))
    for _ in range(chance.randint(1, 3)):
        await call.write(text(" ".join(chance.choices(WORDS, k=chance.randint(2, 25))) + "."))
    if number % 2:
        for _ in range(chance.randint(1, 6)):
            if await call.read() is grpc.aio.EOF:
                return
        call.cancel()
    else:
        await call.write(END)
        await collect(call)


async def test_memory_is_flat_over_many_utterances_half_cancelled(tmp_path: Path) -> None:
    utterances = int(os.environ.get("PARLEY_MEMORY_UTTERANCES", "60"))
    chance = random.Random(1)
    with started(tmp_path, slots=4, queue_wait_s=60.0) as worker:
        process = psutil.Process(worker.process.pid)
        async with client(worker) as stub:
            for number in range(30):
                await _utter(stub, chance, number)
            settled = process.memory_info().rss
            for number in range(utterances):
                await _utter(stub, chance, number)
            grown = process.memory_info().rss - settled
    print(f"{utterances} utterances: {settled / 1e6:.0f} MB, {grown / 1e6:+.1f} MB")
    assert grown < GROWTH_BYTES
