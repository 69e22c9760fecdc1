"""The CosyVoice worker through the contract: what upstream does wrong, it does right."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest

from parley.errors import SpeechError, VoiceNotFoundError
from parley.rpc.v1 import status_pb2
from parley.rpc.v1 import synthesis_pb2_grpc as rpc
from parley.speech.synthesis.client import (
    AudioChunk,
    SpeechEvent,
    SynthesisCall,
    SynthesisDone,
    SynthesisRequest,
    SynthesisStarted,
    SynthesisWords,
    TextSpoken,
)
from tests.cosyvoice.conftest import POISON, START_S, CosyVoiceWorker, write_settings

pytestmark = [pytest.mark.cosyvoice, pytest.mark.servers, pytest.mark.timeout(900)]

SHORT = "Hello there."
LONG = "The quick brown fox jumps over the lazy dog and runs away into the dark forest."
ENDLESS = "the quick brown fox " * 95
"""One sentence of thousands of speech tokens: who forgets to stop goes on for minutes."""

RATE_HZ = 24_000
FIRST_CHUNK_SAMPLES = round(0.84 * RATE_HZ)


@asynccontextmanager
async def connected(worker: CosyVoiceWorker) -> AsyncIterator["rpc.SpeechSynthesisAsyncStub"]:
    async with grpc.aio.insecure_channel(worker.target) as channel:
        yield rpc.SpeechSynthesisStub(channel)


@asynccontextmanager
async def speaking(
    stub: "rpc.SpeechSynthesisAsyncStub", *texts: str, **fields: object
) -> AsyncIterator[SynthesisCall]:
    async def given() -> AsyncIterator[str]:
        for text in texts:
            yield text

    request = SynthesisRequest(**fields)  # type: ignore[arg-type]
    call = SynthesisCall(stub, target="worker", request=request, texts=given(), slot_wait_s=1.0)
    try:
        yield call
    finally:
        await call.aclose()


async def events_of(call: SynthesisCall) -> list[SpeechEvent]:
    events = []
    while (event := await call.read()) is not None:
        events.append(event)
    return events


async def first_chunk(call: SynthesisCall) -> AudioChunk:
    while not isinstance(event := await call.read(), AudioChunk):
        assert event is not None, "the utterance ended without audio"
    return event


async def length(worker: CosyVoiceWorker, **fields: object) -> int:
    async with connected(worker) as stub, speaking(stub, SHORT, **fields) as call:
        done = (await events_of(call))[-1]
    assert isinstance(done, SynthesisDone)
    return done.total_samples


async def status(stub: "rpc.SpeechSynthesisAsyncStub") -> status_pb2.WorkerStatus:
    return (await stub.GetStatus(status_pb2.GetStatusRequest(), timeout=30)).status


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while True:
            if await holds():
                return
            await asyncio.sleep(0.02)


async def test_words_come_before_their_audio_and_chunks_leave_no_gap(
    cosyvoice_worker: CosyVoiceWorker,
) -> None:
    async with connected(cosyvoice_worker) as stub, speaking(stub, LONG, "🙂", SHORT) as call:
        events = await events_of(call)
    started = events[0]
    assert isinstance(started, SynthesisStarted)
    assert (started.engine, started.voice, started.sample_rate_hz) == ("cosyvoice", "ann", RATE_HZ)
    assert not started.reproducible
    position, announced, words = 0, 0, []
    for event in events:
        match event:
            case SynthesisWords():
                words += event.words
                announced = event.words[-1].start_sample
            case AudioChunk():
                assert event.sample_offset == position
                position += len(event.samples)
                unannounced = [w for w in words if w.start_sample >= position]
                assert unannounced == [] or announced >= position
    assert [word.word for word in words] == [*LONG.split(), *SHORT.split()]
    assert [e.end_sample > 0 for e in events if isinstance(e, TextSpoken)] == [True, True, True]
    assert events[-1] == SynthesisDone(total_samples=position)
    assert position > 3 * RATE_HZ


async def test_first_chunk_is_as_short_in_the_twentieth_request_as_in_the_first(
    cosyvoice_worker: CosyVoiceWorker,
) -> None:
    lengths = []
    async with connected(cosyvoice_worker) as stub:
        for seed in range(20):
            async with speaking(stub, LONG, seed=seed) as call:
                lengths.append(len((await first_chunk(call)).samples))
                if seed == 0:  # through all chunks, which grow within one text
                    await events_of(call)
    assert max(lengths) <= FIRST_CHUNK_SAMPLES
    assert max(lengths) - min(lengths) < 0.1 * RATE_HZ


async def test_cancelling_frees_the_slot_and_leaves_no_thread(
    cosyvoice_worker: CosyVoiceWorker,
) -> None:
    async with connected(cosyvoice_worker) as stub:
        slots = (await status(stub)).slots
        await asyncio.gather(*(length(cosyvoice_worker) for _ in range(slots)))
        threads = cosyvoice_worker.process.num_threads()

        async def slots_are_free() -> bool:
            return (await status(stub)).in_flight == 0

        async def threads_have_ended() -> bool:
            return cosyvoice_worker.process.num_threads() <= threads

        for _ in range(5):
            async with speaking(stub, ENDLESS) as call:
                await first_chunk(call)
                assert (await status(stub)).in_flight == 1
            await eventually(slots_are_free)
        await eventually(threads_have_ended)


async def test_failure_of_the_language_model_is_an_error_and_the_worker_speaks_on(
    cosyvoice_worker: CosyVoiceWorker,
) -> None:
    async with connected(cosyvoice_worker) as stub:
        async with speaking(stub, f"Now {POISON} comes") as call, asyncio.timeout(60):
            with pytest.raises(SpeechError, match=r"CosyVoice failed: RuntimeError") as failure:
                await events_of(call)
        cause = failure.value.__cause__
        assert isinstance(cause, grpc.aio.AioRpcError)
        assert cause.code() is grpc.StatusCode.INTERNAL
        assert (await status(stub)).in_flight == 0
    assert await length(cosyvoice_worker) > 0


async def test_seed_and_prompt_decide_what_is_said(cosyvoice_worker: CosyVoiceWorker) -> None:
    """The tiny model babbles: what it says shows in how long it takes."""
    seeds = (1, 2)
    ann = [await length(cosyvoice_worker, voice="ann", seed=seed) for seed in seeds]
    again = [await length(cosyvoice_worker, voice="ann", seed=seed) for seed in seeds]
    bob = [await length(cosyvoice_worker, voice="bob", seed=seed) for seed in seeds]
    assert ann == again
    assert len({*ann}) > 1
    assert ann != bob


async def test_speed_is_kept_though_upstream_ignores_it(cosyvoice_worker: CosyVoiceWorker) -> None:
    usual = await length(cosyvoice_worker, seed=1)
    fast = await length(cosyvoice_worker, seed=1, speed=2.0)
    assert fast == pytest.approx(usual / 2, rel=0.05)


async def test_unknown_voice_is_answered_with_the_known_ones(
    cosyvoice_worker: CosyVoiceWorker,
) -> None:
    async with connected(cosyvoice_worker) as stub, speaking(stub, SHORT, voice="eve") as call:
        with pytest.raises(VoiceNotFoundError, match=r"'eve'.*ann, bob"):
            await call.read()


async def test_status_names_device_and_voices(cosyvoice_worker: CosyVoiceWorker) -> None:
    async with connected(cosyvoice_worker) as stub:
        answer = await status(stub)
    assert (answer.engine, answer.device) == ("cosyvoice", "cpu")
    assert tuple(voice.name for voice in answer.voices) == cosyvoice_worker.voices


def test_gpu_that_is_not_there_is_one_clear_sentence(
    cosyvoice_python: Path, worker_environment: dict[str, str], tmp_path: Path
) -> None:
    environment = worker_environment | {"PARLEY_CONFIG_DIR": str(tmp_path)}
    write_settings(environment, {"adapter": "cosyvoice", "cosyvoice": {"device": "cuda"}})
    answer = subprocess.run(
        [cosyvoice_python, "-P", "-m", "workers.tts"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=START_S,
        check=False,
    )
    assert answer.returncode == 2
    assert "tts.cosyvoice.device is cuda, and no CUDA GPU can be used" in answer.stderr
    assert "Traceback" not in answer.stderr
