"""Pausing, resuming, stopping and reloading speech from outside its call."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest

from parley.rpc.v1 import synthesis_pb2 as pb
from tests.workers.speaking import (
    END,
    VOICE,
    WORD_SAMPLES,
    RunningService,
    collect,
    error_reason,
    opening,
    refusal,
    running_service,
    text,
)

pytestmark = pytest.mark.servers


@pytest.fixture
async def service() -> AsyncIterator[RunningService]:
    async with running_service() as running:
        yield running


async def _control(service: RunningService, action: int, **fields: str) -> int:
    request = pb.ControlSpeechRequest(session_id="s", action=action, **fields)  # type: ignore[arg-type]
    return int((await service.stub.ControlSpeech(request)).utterances)


async def test_paused_utterance_is_silent_and_goes_on_where_it_was(
    service: RunningService,
) -> None:
    call = service.stub.Synthesize(timeout=20)
    await call.write(opening())
    await call.read()
    assert await _control(service, pb.SPEECH_ACTION_PAUSE) == 1
    await call.write(text("one two"))
    await call.write(END)
    read = asyncio.create_task(call.read())
    await asyncio.sleep(0.3)
    assert not read.done(), "a paused utterance speaks"
    assert service.slots.in_flight == 1
    assert await _control(service, pb.SPEECH_ACTION_RESUME, utterance_id="u") == 1
    assert (await read).WhichOneof("message") == "words"
    heard = await collect(call)
    assert len(heard.samples) == 2 * WORD_SAMPLES


async def test_pause_ends_after_its_time(
    service: RunningService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.synthesis.control.LONGEST_PAUSE_S", 0.1)
    call = service.stub.Synthesize(timeout=20)
    await call.write(opening())
    await call.read()
    await _control(service, pb.SPEECH_ACTION_PAUSE)
    await call.write(text("one"))
    error = await refusal(call)
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert error_reason(error) == "PAUSED_TOO_LONG"


async def test_stopped_utterance_ends_as_cancelled_and_frees_its_slot(
    service: RunningService,
) -> None:
    call = service.stub.Synthesize(timeout=20)
    other = service.stub.Synthesize(timeout=20)
    await call.write(opening())
    await call.write(text("one wait"))
    await other.write(opening(session_id="other"))
    assert (await other.read()).WhichOneof("message") == "started"
    await asyncio.to_thread(service.engine.waiting.wait, 10)
    assert await _control(service, pb.SPEECH_ACTION_STOP) == 1
    assert (await refusal(call)).code() is grpc.StatusCode.CANCELLED
    assert service.slots.in_flight == 1, "the other session speaks on"
    await other.write(text("fine"))
    await other.write(END)
    await collect(other)
    assert await other.code() is grpc.StatusCode.OK


async def test_reloaded_voice_speaks_the_texts_that_follow(service: RunningService) -> None:
    call = service.stub.Synthesize(timeout=20)
    await call.write(opening())
    await call.write(text("one"))
    while (await call.read()).WhichOneof("message") != "text_done":
        pass
    assert await _control(service, pb.SPEECH_ACTION_RELOAD) == 1
    await call.write(text("two"))
    await call.write(END)
    await collect(call)
    assert [voice.number for voice in service.engine.loaded] == [0, 1]
    await service.residency.unload(VOICE)
    assert all(voice.closed for voice in service.engine.loaded)


async def test_control_of_a_session_that_does_not_speak_reaches_nobody(
    service: RunningService,
) -> None:
    assert await _control(service, pb.SPEECH_ACTION_STOP) == 0
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await _control(service, pb.SPEECH_ACTION_UNSPECIFIED)
    assert failure.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await service.stub.ControlSpeech(pb.ControlSpeechRequest(action=pb.SPEECH_ACTION_STOP))
    assert failure.value.code() is grpc.StatusCode.INVALID_ARGUMENT
