"""What the synthesis contract promises, on a real socket, with an engine whose sound is known."""

import asyncio
import pstats
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import numpy as np
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from parley.rpc.v1 import status_pb2
from parley.rpc.v1 import synthesis_pb2 as pb
from parley.rpc.v1 import synthesis_pb2_grpc as rpc
from parley.settings.telemetry import WorkerTelemetrySection
from tests.workers.speaking import (
    END,
    PAUSE_SAMPLES,
    VOICE,
    WORD_SAMPLES,
    RunningService,
    call_with,
    collect,
    error_reason,
    hear,
    message,
    opening,
    refusal,
    running_service,
    text,
    violated_field,
)

pytestmark = pytest.mark.servers


@pytest.fixture
async def service() -> AsyncIterator[RunningService]:
    async with running_service() as running:
        yield running


async def test_words_come_before_their_audio_and_every_text_is_said_to_be_done(
    service: RunningService,
) -> None:
    heard = await hear(service.stub, "one two", "three")
    audio = 2 * WORD_SAMPLES
    assert heard.order == [
        *("started", "words", "audio", "audio", "text_done"),
        *("words", "audio", "audio", "text_done", "done"),
    ]
    second = audio + PAUSE_SAMPLES
    assert heard.words == [
        (0, "one", 0, WORD_SAMPLES),
        (0, "two", WORD_SAMPLES, audio),
        (1, "three", second, second + WORD_SAMPLES),
    ]
    assert heard.text_done == [(0, audio), (1, second + WORD_SAMPLES)]
    assert heard.done is not None
    assert heard.done.total_samples == len(heard.samples) == second + WORD_SAMPLES
    assert not heard.samples[audio:second].any(), "between texts comes their pause"
    assert heard.started.reproducible
    assert heard.started.voice == VOICE


async def test_started_comes_on_open_before_any_text(service: RunningService) -> None:
    call = service.stub.Synthesize(timeout=20)
    await call.write(opening())
    first = await call.read()
    assert first.WhichOneof("message") == "started"
    await call.done_writing()
    last = await call.read()
    assert last.done.total_samples == 0
    assert await call.code() is grpc.StatusCode.OK


@pytest.mark.parametrize("nothing", ["", "   \n", "\x00\u200d"])
async def test_text_with_nothing_to_say_gives_no_audio_and_no_failure(
    service: RunningService, nothing: str
) -> None:
    heard = await hear(service.stub, nothing, "one", nothing)
    assert len(heard.samples) == WORD_SAMPLES
    assert heard.text_done == [(0, 0), (1, WORD_SAMPLES), (2, WORD_SAMPLES)]


@pytest.mark.parametrize("length", [2001, 100_000])
async def test_text_too_long_is_refused_by_name(service: RunningService, length: int) -> None:
    call = await call_with(service, opening(), text("fine"), text("a" * length))
    error = await refusal(call)
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert violated_field(error) == "text[1].text"
    assert str(length) in error.details()


async def test_text_of_the_longest_length_is_spoken(service: RunningService) -> None:
    heard = await hear(service.stub, "a" * 2000)
    assert len(heard.samples) == WORD_SAMPLES


@pytest.mark.parametrize("speed", [float("nan"), float("inf"), -1.0, 0.49, 2.01])
async def test_speed_out_of_range_is_refused(service: RunningService, speed: float) -> None:
    error = await refusal(await call_with(service, opening(speed=speed)))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert violated_field(error) == "open.speed"


async def test_speed_shortens_the_speech_and_0_means_the_voice_s_own(
    service: RunningService,
) -> None:
    assert len((await hear(service.stub, "one", speed=0.0)).samples) == WORD_SAMPLES
    assert len((await hear(service.stub, "one", speed=2.0)).samples) == WORD_SAMPLES // 2


@pytest.mark.parametrize("rate", [1, 7999, 48001, 2**32 - 1])
async def test_sample_rate_out_of_range_is_refused(service: RunningService, rate: int) -> None:
    error = await refusal(await call_with(service, opening(sample_rate_hz=rate)))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert violated_field(error) == "open.sample_rate_hz"


async def test_unknown_voice_is_refused_with_those_there(service: RunningService) -> None:
    error = await refusal(await call_with(service, opening(voice="nobody")))
    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert "'nobody'" in error.details()
    assert VOICE in error.details()
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await service.stub.LoadVoice(pb.LoadVoiceRequest(voice="nobody"))
    assert failure.value.code() is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize(
    "messages",
    [
        [text("early")],
        [END],
        [message()],
        [opening(), opening()],
        [opening(), message()],
    ],
    ids=["text first", "end first", "empty first", "open twice", "empty"],
)
async def test_messages_out_of_order_are_refused(
    service: RunningService, messages: list[pb.SynthesizeRequest]
) -> None:
    error = await refusal(await call_with(service, *messages))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert violated_field(error) == "message"
    assert service.slots.in_flight == 0


async def test_call_that_ends_before_it_begins_is_refused(service: RunningService) -> None:
    call = service.stub.Synthesize(timeout=20)
    await call.done_writing()
    assert violated_field(await refusal(call)) == "message"


async def test_silent_client_is_told_that_its_time_is_over(
    service: RunningService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.synthesis.stream.TEXT_WAIT_S", 0.1)
    monkeypatch.setattr("workers.serving.opening.OPEN_WAIT_S", 0.1)
    unopened = service.stub.Synthesize(timeout=20)
    assert error_reason(await refusal(unopened)) == "OPEN_TIMEOUT"
    opened = service.stub.Synthesize(timeout=20)
    await opened.write(opening())
    error = await refusal(opened)
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert error_reason(error) == "TEXT_TIMEOUT"
    async with asyncio.timeout(60):
        await service.slots.idle()


async def test_worker_at_its_slots_refuses_and_says_when_to_ask_again(
    service: RunningService,
) -> None:
    calls = [service.stub.Synthesize(timeout=20) for _ in range(2)]
    for call in calls:
        await call.write(opening())
        await call.read()
    error = await refusal(await call_with(service, opening()))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    retry = error_details_pb2.RetryInfo()
    assert rpc_status.from_call(error).details[0].Unpack(retry)
    status = (await service.stub.GetStatus(status_pb2.GetStatusRequest())).status
    assert (status.slots, status.in_flight, status.pending) == (2, 2, 1)
    for call in calls:
        await call.write(END)
        await collect(call)
    await hear(service.stub, "free again")


async def test_worker_frees_its_slot_when_the_client_cancels(service: RunningService) -> None:
    call = service.stub.Synthesize(timeout=20)
    await call.write(opening())
    await call.write(text("one wait three four"))
    while (await call.read()).WhichOneof("message") != "audio":
        pass
    await asyncio.to_thread(service.engine.waiting.wait, 10)
    assert service.slots.in_flight == 1
    call.cancel()
    async with asyncio.timeout(60):
        await service.slots.idle()
    assert service.engine.chunks_made == 1, "nothing is made for a client that went away"
    assert service.residency.leases(VOICE) == 0


async def test_worker_frees_its_slot_when_the_client_s_connection_breaks(
    service: RunningService,
) -> None:
    channel = grpc.aio.insecure_channel(service.address)
    call = rpc.SpeechSynthesisStub(channel).Synthesize()
    await call.write(opening())
    await call.write(text("one wait"))
    await asyncio.to_thread(service.engine.waiting.wait, 10)
    await channel.close(None)
    async with asyncio.timeout(60):
        await service.slots.idle()


async def test_slow_reader_stops_the_engine_and_not_the_event_loop(
    service: RunningService,
) -> None:
    words = " ".join(["a"] * 1000)
    call = await call_with(service, opening(sample_rate_hz=48000, speed=0.5), text(words), END)
    await call.read()
    made = -1
    while made != service.engine.chunks_made:
        made = service.engine.chunks_made
        await service.stub.GetStatus(status_pb2.GetStatusRequest(), timeout=60)
        await asyncio.sleep(0.3)
    assert 0 < made < 1000, "the engine ran on though nobody read"
    heard = await collect(call)
    assert len(heard.samples) == 1000 * WORD_SAMPLES * 4


async def test_engine_that_fails_is_an_internal_error_and_its_slot_is_free(
    service: RunningService,
) -> None:
    error = await refusal(await call_with(service, opening(), text("one fail two")))
    assert error.code() is grpc.StatusCode.INTERNAL
    assert error_reason(error) == "ENGINE_FAILED"
    assert "the tone broke" in error.details()
    assert service.slots.in_flight == 0
    await hear(service.stub, "works again")


async def test_engine_that_yields_no_audio_is_no_failure(service: RunningService) -> None:
    heard = await hear(service.stub, "mute", "one")
    assert heard.text_done == [(0, 0), (1, WORD_SAMPLES)]


async def test_voice_that_cannot_be_loaded_sends_the_client_elsewhere(
    service: RunningService,
) -> None:
    service.engine.broken = True
    error = await refusal(await call_with(service, opening()))
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert "its file is damaged" in error.details()
    service.engine.broken = False
    await hear(service.stub, "one")


@pytest.mark.parametrize("rate", [24000, 8000, 22050, 48000])
async def test_utterance_that_moves_goes_on_at_the_very_sample(
    service: RunningService, rate: int
) -> None:
    texts = ("one two three four", "", "five six", "seven")
    whole = await hear(service.stub, *texts, sample_rate_hz=rate, seed=7)
    for share in (0.1, 0.5, 0.55, 0.9):
        offset = int(len(whole.samples) * share)
        rest = await hear(
            service.stub, *texts, sample_rate_hz=rate, seed=7, start_offset_samples=offset
        )
        assert rest.first_offset == offset
        difference = whole.samples[offset:].astype(int) - rest.samples
        assert np.abs(difference).max() <= 1
        assert rest.text_done == whole.text_done
        assert rest.done is not None
        assert rest.done.total_samples == len(whole.samples)


async def test_offset_beyond_the_end_gives_only_the_counts(service: RunningService) -> None:
    heard = await hear(service.stub, "one two", start_offset_samples=10**9)
    assert not len(heard.samples)
    assert heard.done is not None
    assert heard.done.total_samples == 2 * WORD_SAMPLES


async def test_voice_is_loaded_listed_and_unloaded(service: RunningService) -> None:
    async def residency() -> "status_pb2.VoiceResidency.ValueType":
        (voice,) = (await service.stub.ListVoices(pb.ListVoicesRequest())).voices
        return voice.residency

    assert await residency() == status_pb2.VOICE_RESIDENCY_CACHED
    loaded = await service.stub.LoadVoice(pb.LoadVoiceRequest(voice=VOICE))
    assert loaded.voice.residency == await residency() == status_pb2.VOICE_RESIDENCY_RESIDENT
    call = service.stub.Synthesize(timeout=20)
    await call.write(opening())
    await call.read()
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await service.stub.UnloadVoice(pb.UnloadVoiceRequest(voice=VOICE))
    assert failure.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    await call.write(END)
    await collect(call)
    await service.stub.UnloadVoice(pb.UnloadVoiceRequest(voice=VOICE))
    assert await residency() == status_pb2.VOICE_RESIDENCY_CACHED
    assert service.engine.loaded[0].closed


async def test_slow_synthesis_leaves_a_profile_and_a_quick_one_does_not(tmp_path: Path) -> None:
    for allowed_ms, files in ((60_000, 0), (0, 1)):
        telemetry = WorkerTelemetrySection(
            profiling=True,
            profile_output_dir=str(tmp_path / "profiles"),
            profile_min_duration_ms=allowed_ms,
        )
        async with running_service(telemetry=telemetry) as running:
            await hear(running.stub, "one two", utterance_id="../a/b")
        found = await asyncio.to_thread(lambda: list(tmp_path.glob("**/*.pstats")))
        assert len(found) == files
    assert found[0].parent == tmp_path / "profiles"
    names = [name for _, _, name in pstats.Stats(str(found[0])).stats]  # type: ignore[attr-defined]
    assert "speak" in names


async def test_the_worker_counts_its_first_audio_and_shows_whose_it_was() -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    async with running_service() as service:
        await hear(service.stub, "one", "two")
        traced = service.stub.Synthesize(
            iter([opening(), text("three"), END]),
            timeout=60,
            metadata=(("traceparent", f"00-{trace}-00f067aa0ba902b7-01"),),
        )
        await collect(traced)
        nonsense = service.stub.Synthesize(
            iter([opening(), text("four"), END]), timeout=60, metadata=(("traceparent", "7"),)
        )
        await collect(nonsense)
        await hear(service.stub, "")  # nothing sounds
    samples = [s for family in service.latency.histogram.collect() for s in family.samples]
    assert [s.value for s in samples if s.name.endswith("_count")] == [3]
    traces = [s.exemplar.labels["trace_id"] for s in samples if s.exemplar is not None]
    assert traces == [trace]
