"""A decode begins from what was heard of the same sound before, and of no other."""

import asyncio
from collections.abc import Callable, Sequence

from parley.rpc.v1 import recognition_pb2 as pb
from tests.workers.speech_sounds import LIGHTS, WEATHER, silence, speech
from workers.engines.asr_engine import DecodedText, DecodeRequest, Draft
from workers.recognition.decoder import Decoder
from workers.recognition.listener import Listener, ListenerOptions
from workers.recognition.voice_activity import VoiceActivity, VoiceDetector

TOKENS = (7, 8, 9)


class Recorder:
    """Hears the same in everything, and keeps what it was asked."""

    device = "cpu"
    languages = ("en",)
    attempts = 1
    largest_batch = 1

    def __init__(self) -> None:
        self.requests: list[DecodeRequest] = []

    def decode(
        self, requests: Sequence[DecodeRequest], *, attempt: int, abandoned: Callable[[], bool]
    ) -> list[Draft]:
        self.requests += requests
        return [Draft(DecodedText("something", 0.9, tokens=TOKENS)) for _ in requests]


async def test_a_final_begins_from_its_partial_and_the_next_turn_from_nothing() -> None:
    recorder, partial, final = Recorder(), asyncio.Event(), asyncio.Event()

    async def send(transcript: pb.Transcript) -> None:
        (final if transcript.kind == pb.TRANSCRIPT_KIND_FINAL else partial).set()

    async with asyncio.timeout(60), Decoder(recorder) as decoder:
        options = ListenerOptions(language="en")
        listener = Listener(decoder, VoiceActivity(VoiceDetector()), options, send)
        running = asyncio.create_task(listener.run())
        await listener.push_audio(speech(WEATHER)[:16000])
        await partial.wait()
        await listener.push_audio(speech(WEATHER)[16000:])
        await listener.flush(1)
        await final.wait()
        ended = recorder.requests[-1]
        heard = len(recorder.requests)
        await listener.push_audio(silence(0.5))
        await listener.push_audio(speech(LIGHTS))
        await listener.end()
        await running
    assert recorder.requests[0].earlier is None
    assert ended.earlier is not None
    assert ended.earlier.tokens == TOKENS
    assert recorder.requests[heard].earlier is None
