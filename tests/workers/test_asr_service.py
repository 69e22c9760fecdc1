"""What the recognition contract promises, on a real socket with a real model."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Sequence

import grpc
import jiwer
import numpy as np
import pytest
import soxr
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from parley import models
from parley.rpc.v1 import recognition_pb2 as pb
from parley.rpc.v1 import status_pb2
from tests.workers.listening import MODEL, Running, Speaker, listening
from tests.workers.speech_sounds import LIGHTS, WEATHER, noises, silence, speech, words
from workers.engines.asr_engine import DecodeRequest, Draft, EngineError, FloatSamples
from workers.engines.whisper.recognizer import WhisperRecognizer
from workers.recognition.voice_activity import VoiceDetector

pytestmark = pytest.mark.servers

PARTIAL = pb.TRANSCRIPT_KIND_PARTIAL
PREFLIGHT = pb.TRANSCRIPT_KIND_PREFLIGHT
FINAL = pb.TRANSCRIPT_KIND_FINAL
PAUSE = silence(0.4)

STORY = (
    "The old man walked slowly along the shore every morning.",
    "He collected shells and small pieces of colored glass.",
    "One day he found a green bottle with a letter inside.",
    "The letter was written by a sailor many years ago.",
    "He said that the island was warm and full of birds.",
    "The old man put the letter in his coat and went home.",
    "His daughter read it twice and then began to laugh.",
    "She knew the sailor because he lived in the next street.",
    "They visited him together on the following Sunday.",
    "He made them coffee and told them the whole story.",
    "Nobody had ever answered him in forty years.",
    "The three of them remained friends until the end.",
)


@pytest.fixture(scope="module")
def recognizer() -> WhisperRecognizer:
    return WhisperRecognizer(models.ensure(MODEL))


@pytest.fixture(scope="module")
def detector() -> VoiceDetector:
    return VoiceDetector()


@pytest.fixture
async def service(recognizer: WhisperRecognizer, detector: VoiceDetector) -> AsyncIterator[Running]:
    async with listening(recognizer, detector) as running:
        yield running


def seconds(duration: Duration) -> float:
    return float(duration.ToTimedelta().total_seconds())


async def refusal(speaker: Speaker) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await speaker.rest()
    return failure.value


def field(error: grpc.aio.AioRpcError) -> str:
    detail = error_details_pb2.BadRequest()
    status = rpc_status.from_call(error)
    assert status is not None
    assert status.details[0].Unpack(detail)
    return str(detail.field_violations[0].field)


async def test_a_partial_comes_while_the_person_speaks(service: Running) -> None:
    speaker = await service.listen()
    await speaker.say(speech(WEATHER)[: 16000 * 2])
    partial = await speaker.until(PARTIAL)
    assert words(partial.text)[:3] == words(WEATHER)[:3]
    speaker.call.cancel()


async def test_a_preflight_comes_at_a_pause_and_the_final_is_its_text(service: Running) -> None:
    speaker = await service.listen()
    await speaker.say(np.concatenate([PAUSE, speech(LIGHTS), PAUSE]))
    preflight = await speaker.until(PREFLIGHT)
    assert words(preflight.text) == words(LIGHTS)
    await speaker.say(silence(1))
    await speaker.flush(17)
    final = (await speaker.read()).transcript
    assert (final.kind, final.flush_id, final.text) == (FINAL, 17, preflight.text)
    assert 0.3 <= seconds(final.start) < seconds(final.end) <= 0.4 + len(speech(LIGHTS)) / 16000
    assert final.language == "en"
    assert await speaker.rest() == []


async def test_speech_that_goes_on_after_a_pause_is_all_in_the_final(service: Running) -> None:
    speaker = await service.listen()
    await speaker.say(np.concatenate([speech(LIGHTS), PAUSE]))
    await speaker.until(PREFLIGHT)
    await speaker.say(np.concatenate([speech(WEATHER), PAUSE]))
    await speaker.flush(1)
    final = await speaker.until(FINAL)
    assert words(final.text) == words(LIGHTS) + words(WEATHER)
    speaker.call.cancel()


async def test_turns_are_answered_in_their_order_each_with_its_own_words(service: Running) -> None:
    speaker = await service.listen(interim_results=False)
    for flush_id, text in enumerate((LIGHTS, WEATHER, LIGHTS), start=1):
        await speaker.say(np.concatenate([PAUSE, speech(text), PAUSE]))
        await speaker.flush(flush_id)
    finals = await speaker.rest()
    assert [final.kind for final in finals] == [FINAL] * 3
    assert [final.flush_id for final in finals] == [1, 2, 3]
    assert [words(final.text) for final in finals] == [words(LIGHTS), words(WEATHER), words(LIGHTS)]
    assert all(
        seconds(earlier.end) < seconds(later.start) for earlier, later in itertools.pairwise(finals)
    )


async def test_half_closing_flushes_what_is_left(service: Running) -> None:
    speaker = await service.listen(interim_results=False)
    await speaker.say(speech(LIGHTS))
    (final,) = await speaker.rest()
    assert (final.kind, final.flush_id, words(final.text)) == (FINAL, 0, words(LIGHTS))


@pytest.mark.parametrize("sound", [silence(0), silence(3), *noises().values()])
async def test_a_turn_without_words_is_answered_with_none(
    service: Running, sound: FloatSamples
) -> None:
    speaker = await service.listen()
    await speaker.say(sound)
    await speaker.flush(1)
    (final,) = await speaker.rest()
    assert (final.kind, final.flush_id, final.text) == (FINAL, 1, "")


@pytest.mark.parametrize("rate_hz", [8000, 22050, 44100, 48000])
async def test_every_rate_is_understood(service: Running, rate_hz: int) -> None:
    speaker = await service.listen(sample_rate_hz=rate_hz, interim_results=False)
    sound = np.concatenate([speech(LIGHTS), PAUSE])
    await speaker.say(soxr.resample(sound, 16000, rate_hz), frame_samples=rate_hz // 50)
    (final,) = await speaker.rest()
    assert words(final.text) == words(LIGHTS)


async def test_sound_may_come_in_any_portions(service: Running) -> None:
    sound = np.concatenate([silence(4), speech(LIGHTS), silence(3), speech(WEATHER), PAUSE])
    for frame_samples in (1, 16000 * 20):
        speaker = await service.listen(interim_results=False)
        few = sound if frame_samples > 1 else sound[16000 * 3 + 12800 : 16000 * 5]
        await speaker.say(few, frame_samples=frame_samples)
        (final,) = await speaker.rest()
        if frame_samples > 1:
            assert words(final.text) == words(LIGHTS) + words(WEATHER)
        else:
            assert words(final.text)[:2] == words(LIGHTS)[:2]


async def test_a_story_of_45_seconds_without_a_flush_loses_nothing(service: Running) -> None:
    sound = np.concatenate([speech(sentence, speed=0.8) for sentence in STORY])
    assert len(sound) > 45 * 16000
    speaker = await service.listen(interim_results=False)
    await speaker.say(sound)
    await speaker.flush(1)
    (final,) = await speaker.rest()
    reference = " ".join(words(" ".join(STORY)))
    measured = jiwer.process_words(reference, " ".join(words(final.text)))
    assert measured.wer < 0.1
    assert measured.deletions <= 2


async def test_words_carry_the_times_of_the_call(service: Running) -> None:
    speaker = await service.listen(word_times=True, interim_results=False)
    await speaker.say(np.concatenate([silence(5), speech(LIGHTS), PAUSE]))
    (final,) = await speaker.rest()
    assert " ".join(word.word for word in final.words) == final.text
    assert all(4.9 < seconds(word.start) <= seconds(word.end) for word in final.words)
    assert seconds(final.words[-1].end) < 5 + len(speech(LIGHTS)) / 16000 + 0.1


async def test_without_asking_words_are_not_listed(service: Running) -> None:
    speaker = await service.listen(interim_results=False)
    await speaker.say(speech(LIGHTS))
    (final,) = await speaker.rest()
    assert not final.words


async def test_two_speakers_are_heard_at_once_and_apart(service: Running) -> None:
    async def heard(text: str) -> list[str]:
        speaker = await service.listen()
        await speaker.say(np.concatenate([speech(text), PAUSE]))
        await speaker.flush(1)
        return words((await speaker.until(FINAL)).text)

    first, second = await asyncio.gather(heard(LIGHTS), heard(WEATHER))
    assert (first, second) == (words(LIGHTS), words(WEATHER))


@pytest.mark.parametrize("moment", ["open", "speaking", "decoding", "answered"])
async def test_a_cancelled_call_frees_its_slot(service: Running, moment: str) -> None:
    speakers = [await service.listen() for _ in range(2)]
    for speaker in speakers:
        if moment != "open":
            await speaker.say(np.concatenate([speech(LIGHTS), PAUSE]))
        if moment in ("decoding", "answered"):
            await speaker.flush(1)
        if moment == "answered":
            await speaker.until(FINAL)
    assert service.slots.in_flight == 2
    for speaker in speakers:
        speaker.call.cancel()
    async with asyncio.timeout(20):
        await service.slots.idle()
    again = await service.listen(interim_results=False)
    await again.say(speech(LIGHTS))
    (final,) = await again.rest()
    assert words(final.text) == words(LIGHTS)


async def test_beyond_its_slots_the_worker_refuses_and_says_when_to_ask_again(
    service: Running,
) -> None:
    speakers = [await service.listen() for _ in range(2)]
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await service.listen()
    assert failure.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    retry = error_details_pb2.RetryInfo()
    status = rpc_status.from_call(failure.value)
    assert status is not None
    assert status.details[0].Unpack(retry)
    for speaker in speakers:
        speaker.call.cancel()


async def test_a_draining_worker_answers_the_turn_and_then_lets_go(service: Running) -> None:
    speaker = await service.listen()
    await speaker.say(np.concatenate([speech(LIGHTS), PAUSE]))
    await speaker.until(PREFLIGHT)
    service.slots.close()
    await speaker.say(silence(0.2))
    await speaker.flush(1)
    final = await speaker.until(FINAL)
    assert words(final.text) == words(LIGHTS)
    await speaker.say(silence(1), frame_samples=16000)
    assert (await refusal(speaker)).code() is grpc.StatusCode.UNAVAILABLE


async def test_the_status_tells_the_model_and_the_speakers(service: Running) -> None:
    speaker = await service.listen()
    status = (await service.stub.GetStatus(status_pb2.GetStatusRequest())).status
    assert status.worker_id == speaker.started.worker_id
    assert status.kind == status_pb2.WORKER_KIND_RECOGNITION
    assert (status.engine, status.slots, status.in_flight) == ("whisper", 2, 1)
    (model,) = status.voices
    assert (model.name, model.leases) == (speaker.started.model, 1) == (MODEL, 1)
    assert model.residency == status_pb2.VOICE_RESIDENCY_RESIDENT
    speaker.call.cancel()


GOOD = pb.RecognizeOpen(sample_rate_hz=16000)


def opened(**changes: object) -> list[pb.RecognizeRequest]:
    return [pb.RecognizeRequest(open=pb.RecognizeOpen(**{"sample_rate_hz": 16000, **changes}))]


def after_open(**message: object) -> list[pb.RecognizeRequest]:
    return [pb.RecognizeRequest(open=GOOD), pb.RecognizeRequest(**message)]


@pytest.mark.parametrize(
    ("requests", "wrong", "said"),
    [
        (opened(sample_rate_hz=0), "open.sample_rate_hz", "is 0, allowed are 8000 to 48000"),
        (opened(sample_rate_hz=7999), "open.sample_rate_hz", "is 7999"),
        (opened(sample_rate_hz=96000), "open.sample_rate_hz", "is 96000"),
        (opened(language="xx"), "open.language", "'xx'"),
        (opened(hints=["a" * 150, "b" * 60]), "open.hints", "212 characters"),
        (opened(preflight_silence=Duration(seconds=-1)), "open.preflight_silence", "is -1 s"),
        (opened(preflight_silence=Duration(seconds=99)), "open.preflight_silence", "is 99 s"),
        (
            [pb.RecognizeRequest(audio=pb.RecognizeAudio(pcm_s16le=b"\0\0"))],
            "message",
            "the first message must be open, audio came",
        ),
        ([pb.RecognizeRequest()], "message", "must be open, an empty one came"),
        ([], "message", "must be open, nothing came"),
        (after_open(open=GOOD), "message", "open came twice"),
        (after_open(), "message", "none of audio, flush"),
        (
            after_open(audio=pb.RecognizeAudio(pcm_s16le=b"\0\0\0")),
            "audio.pcm_s16le",
            "3 bytes are no whole number of 16-bit samples",
        ),
        (
            after_open(audio=pb.RecognizeAudio(pcm_s16le=bytes(2 << 20))),
            "audio.pcm_s16le",
            "has 2,097,152 bytes",
        ),
    ],
)
async def test_what_is_wrong_with_a_request_is_named(
    service: Running, requests: Sequence[pb.RecognizeRequest], wrong: str, said: str
) -> None:
    speaker = Speaker(service.stub.Recognize(timeout=20))
    for request in requests:
        await speaker.call.write(request)
    error = await refusal(speaker)
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert field(error) == wrong
    assert said in (error.details() or "")


async def test_a_language_is_known_by_its_first_part(service: Running) -> None:
    speaker = await service.listen(language="en-GB", interim_results=False)
    await speaker.say(speech(LIGHTS))
    (final,) = await speaker.rest()
    assert final.language == "en"


class BrokenRecognizer:
    """Fails as the real one does when memory is short."""

    device = "cpu"
    languages = ("en",)
    attempts = 1
    largest_batch = 1

    def decode(
        self, requests: Sequence[DecodeRequest], *, attempt: int, abandoned: Callable[[], bool]
    ) -> list[Draft]:
        raise EngineError("whisper failed: out of memory")


async def test_an_engine_that_fails_is_named_and_the_slot_is_free(detector: VoiceDetector) -> None:
    async with listening(BrokenRecognizer(), detector) as service:
        speaker = await service.listen()
        await speaker.say(np.concatenate([speech(LIGHTS), PAUSE]), frame_samples=16000 * 9)
        error = await refusal(speaker)
        assert error.code() is grpc.StatusCode.INTERNAL
        assert "out of memory" in (error.details() or "")
        await service.slots.idle()
