"""Twelve calls heard at the same time on a worker of four slots: each speaks to its end.

How seldom a reply breaks off for want of sound is measured: `./run load`.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing, suppress

import grpc
import numpy as np
import pytest

from agent.playout.pacing import Pace
from parley.background import background
from parley.discovery import StaticDiscovery
from parley.speech import AudioChunk, SpeechPool, SynthesisRequest, SynthesisWords, TextSpoken
from tests.workers.speaking import (
    END,
    RATE_HZ,
    VOICE,
    RunningService,
    SpeechCall,
    collect,
    error_reason,
    hear,
    opening,
    refusal,
    running_service,
    text,
)
from workers.serving import admission

pytestmark = [pytest.mark.servers, pytest.mark.realtime]

CALLS, SLOTS = 12, 4
SENTENCE = "some ten words are said here and then some more"
SENTENCES = 5


class Listener:
    """Hears a reply as it is made for it: the next sentence is asked for when little is left."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.pace = Pace()
        self.words: list[str] = []
        self.heard_s = self.made_s = 0.0
        self.began = asyncio.Event()

    async def listen(self, pool: SpeechPool, all_hear: asyncio.Barrier) -> None:
        request = SynthesisRequest(voice=VOICE, seed=self.number)
        async with (
            background(self._play(), name="playing"),
            aclosing(pool.synthesize(request, self._texts(all_hear))) as events,
        ):
            async for event in events:
                match event:
                    case AudioChunk():
                        seconds = len(event.samples) / RATE_HZ
                        self.made_s += seconds
                        self.pace.made(seconds)
                        self.began.set()
                    case SynthesisWords():
                        self.words += [word.word for word in event.words]
                    case TextSpoken():
                        self.pace.spoken()

    async def _texts(self, all_hear: asyncio.Barrier) -> AsyncGenerator[str]:
        for n in range(SENTENCES):
            await self.pace.wanted()
            self.pace.asked(SENTENCE)
            yield SENTENCE
            if n == 0:
                await all_hear.wait()

    async def _play(self) -> None:
        await self.began.wait()
        played_at = time.monotonic()
        while True:
            await asyncio.sleep(0.02)
            now = time.monotonic()
            self.heard_s = min(self.made_s, self.heard_s + now - played_at)
            played_at = now
            self.pace.played_until(self.heard_s)


async def test_twelve_calls_that_are_heard_at_once_all_speak_on_four_slots() -> None:
    listeners = [Listener(n) for n in range(CALLS)]
    all_hear = asyncio.Barrier(CALLS)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(asyncio.timeout(60))
        service = await stack.enter_async_context(running_service(slots=SLOTS))
        pool = SpeechPool(StaticDiscovery(service.address))
        await stack.enter_async_context(pool)
        async with asyncio.TaskGroup() as calls:
            for listener in listeners:
                calls.create_task(listener.listen(pool, all_hear))
    sentence = SENTENCE.split()
    for listener in listeners:
        assert listener.words == sentence * SENTENCES


@pytest.fixture
async def service() -> AsyncGenerator[RunningService]:
    async with running_service(slots=2) as running:
        yield running


async def spoken_to_its_end(service: RunningService, words: str) -> SpeechCall:
    """A call whose only text so far has been made; more may come."""
    call = service.stub.Synthesize(timeout=20)
    await call.write(opening())
    await call.write(text(words))
    while (await call.read()).WhichOneof("message") != "text_done":
        pass
    return call


async def until_no_slot_is_taken(service: RunningService) -> None:
    """That a text is done is told just before its slot is free."""
    async with asyncio.timeout(60):
        while service.slots.in_flight:  # noqa: ASYNC110 - the worker tells nobody
            await asyncio.sleep(0.01)


async def test_what_is_heard_takes_no_slot(service: RunningService) -> None:
    calls = []
    for _ in range(3):
        calls.append(await spoken_to_its_end(service, "one two"))
        await until_no_slot_is_taken(service)
    assert service.slots.open == 3
    await hear(service.stub, "somebody else")
    for call in calls:
        await call.write(text("three"))
        await call.write(END)
        heard = await collect(call)
        assert [word for _, word, _, _ in heard.words] == ["three"]
        assert np.any(heard.samples)


async def test_a_call_that_speaks_comes_before_a_new_one(service: RunningService) -> None:
    call = await spoken_to_its_end(service, "one")
    blocking = [service.stub.Synthesize(timeout=20) for _ in range(2)]
    for other in blocking:
        await other.write(opening())
        await other.write(text("wait"))
        while (await other.read()).WhichOneof("message") != "words":
            pass
    await call.write(text("two"))
    async with asyncio.timeout(60):
        while not service.slots.queue_depth:  # noqa: ASYNC110 - the worker tells nobody
            await asyncio.sleep(0.01)
    error = await refusal(await _opened(service))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    service.engine.let_go.set()
    await call.write(END)
    heard = await collect(call)
    assert [word for _, word, _, _ in heard.words] == ["two"]


async def test_calls_that_are_open_and_say_nothing_keep_nobody_from_speaking(
    service: RunningService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "UNUSED_S", 0.05)
    calls = [await _opened(service) for _ in range(2)]
    for call in calls:
        assert (await call.read()).WhichOneof("message") == "started"
    await until_no_slot_is_taken(service)
    await hear(service.stub, "one two")


@pytest.mark.parametrize("blank", [" ", "\t\n", "\u2003\u00a0", ""])
async def test_a_call_that_sends_only_blank_text_ends(
    service: RunningService, monkeypatch: pytest.MonkeyPatch, blank: str
) -> None:
    monkeypatch.setattr("workers.synthesis.stream.TEXT_WAIT_S", 0.5)
    for _ in range(5):
        error = await _ended_by(service, blank)
        # A write that meets the end fails in gRPC's client, which tells of that in its place.
        if "from Core" not in (error.details() or ""):
            break
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert error_reason(error) == "TEXT_TIMEOUT"
    assert service.slots.open == 0


async def _ended_by(service: RunningService, blank: str) -> grpc.aio.AioRpcError:
    call = await _opened(service)

    async def blanks() -> None:
        with suppress(asyncio.InvalidStateError, grpc.aio.AioRpcError):  # ended: reading says why
            while not call.done():
                await call.write(text(blank))
                await asyncio.sleep(0.1)

    sending = asyncio.create_task(blanks())
    async with asyncio.timeout(60):
        error = await refusal(call)
    await sending
    return error


async def test_a_long_text_may_be_heard_to_its_end_before_the_next_one_comes(
    service: RunningService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.synthesis.stream.TEXT_WAIT_S", 0.2)
    call = await spoken_to_its_end(service, "nine words that take most of a second here")
    await asyncio.sleep(0.6)  # they are being heard: no state tells
    await call.write(text("ten"))
    await call.write(END)
    heard = await collect(call)
    assert [word for _, word, _, _ in heard.words] == ["ten"]


async def test_so_many_calls_may_be_open_and_no_more(service: RunningService) -> None:
    for _ in range(2 * admission.OPEN_PER_SLOT):
        await spoken_to_its_end(service, "one")
        await until_no_slot_is_taken(service)
    error = await refusal(await _opened(service))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_client_is_refused_within_the_time_that_it_waits() -> None:
    slots = admission.Slots(1, queue_wait_s=60.0)
    async with slots.admitted(), asyncio.timeout(60):
        with pytest.raises(Exception, match="taken"):
            async with slots.by_text(wait_s=0.05):
                pytest.fail("admitted beyond the slots")


async def _opened(service: RunningService) -> SpeechCall:
    call = service.stub.Synthesize(timeout=20)
    await call.write(opening())
    return call
