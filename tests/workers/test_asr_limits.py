"""What a recognition worker does with clients that send nothing, or wait for nothing any more."""

import asyncio
import time
from collections.abc import Callable, Sequence

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from parley.rpc.v1 import recognition_pb2 as pb
from parley.rpc.v1 import status_pb2
from tests.workers.listening import Speaker, listening
from tests.workers.speaking import error_reason
from tests.workers.speech_sounds import LIGHTS, silence, speech
from workers.engines.asr_engine import DecodedText, DecodeRequest, Draft
from workers.recognition.voice_activity import VoiceDetector

pytestmark = pytest.mark.servers


class PatientRecognizer:
    """Its decodes take so long, and hear something."""

    device = "cpu"
    languages = ("en",)
    attempts = 1
    largest_batch = 1

    def __init__(self, takes_s: float = 0.0) -> None:
        self.takes_s = takes_s

    def decode(
        self, requests: Sequence[DecodeRequest], *, attempt: int, abandoned: Callable[[], bool]
    ) -> list[Draft]:
        time.sleep(self.takes_s)
        return [Draft(DecodedText("something", 0.9), loops=False) for _ in requests]


@pytest.fixture(scope="module")
def detector() -> VoiceDetector:
    return VoiceDetector()


async def ended(speaker: Speaker) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        while isinstance(await speaker.call.read(), pb.RecognizeResponse):
            pass
    return failure.value


@pytest.mark.parametrize("sends", ["nothing", "empty audio", "flushes"])
async def test_calls_without_audio_keep_no_slot(
    detector: VoiceDetector, monkeypatch: pytest.MonkeyPatch, sends: str
) -> None:
    monkeypatch.setattr("workers.recognition.service.AUDIO_WAIT_S", 0.5)
    async with listening(PatientRecognizer(), detector, slots=8) as service, asyncio.timeout(10):
        speakers = [await service.listen() for _ in range(8)]

        async def busy(speaker: Speaker) -> None:
            while sends != "nothing" and not speaker.call.done():
                if sends == "flushes":
                    await speaker.flush(1)
                else:
                    await speaker.send(audio=pb.RecognizeAudio())
                await asyncio.sleep(0.1)

        sending = [asyncio.create_task(busy(speaker)) for speaker in speakers]
        for speaker in speakers:
            error = await ended(speaker)
            assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
            assert error_reason(error) == "AUDIO_TIMEOUT"
        await asyncio.gather(*sending)
        await service.slots.idle()
        speaker = await service.listen()
        await speaker.say(silence(0.1))
        await speaker.rest()


async def test_a_call_with_audio_goes_on(
    detector: VoiceDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.recognition.service.AUDIO_WAIT_S", 0.3)
    async with listening(PatientRecognizer(), detector) as service, asyncio.timeout(10):
        speaker = await service.listen()
        for _ in range(6):
            await speaker.say(silence(0.02))
            await asyncio.sleep(0.1)
        assert await speaker.rest() is not None


async def test_a_final_that_nobody_waits_for_is_not_decoded(detector: VoiceDetector) -> None:
    async with listening(PatientRecognizer(takes_s=1.0), detector) as service, asyncio.timeout(20):
        first = await service.listen(interim_results=False)
        second = await service.listen(interim_results=False)
        for speaker, within_s in ((first, 15.0), (second, 0.2)):
            await speaker.say(speech(LIGHTS), frame_samples=16000)
            within = Duration(seconds=int(within_s), nanos=int(within_s % 1 * 1e9))
            await speaker.send(flush=pb.RecognizeFlush(flush_id=1, within=within))
        status = (await service.stub.GetStatus(status_pb2.GetStatusRequest())).status
        assert status.pending >= 1
        error = await ended(second)
        assert error_reason(error) == "FINAL_TOO_LATE"
        assert (await first.until(pb.TRANSCRIPT_KIND_FINAL)).text == "something"
        status = (await service.stub.GetStatus(status_pb2.GetStatusRequest())).status
        assert status.recent_work.ToTimedelta().total_seconds() >= 1.0
        first.call.cancel()
