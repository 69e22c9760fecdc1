"""What could make a Parley leak: short calls in its rooms, and utterances at its speech workers."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import AsyncExitStack
from enum import Enum
from typing import Self

import grpc

from caller.access import request_access
from caller.client import RoomClient, join
from caller.errors import CallError
from parley.audio import Audio
from parley.room_events import TurnEvent
from parley.rpc.v1 import recognition_pb2 as recognition
from parley.rpc.v1 import recognition_pb2_grpc as recognition_rpc
from parley.rpc.v1 import synthesis_pb2 as synthesis
from parley.rpc.v1 import synthesis_pb2_grpc as synthesis_rpc

FRAME_MS = 50
ANSWER_S = 20.0
ANSWER_ENDS_S = 10.0
UTTERANCES_AT_ONCE = 2
UTTERANCE_TIMEOUT_S = 120.0
RATE_HZ = 16_000
MESSAGE_BYTES = 2 * RATE_HZ // 10
WORDS = "the weather was clear over long silver rivers and old stone bridges in spring".split()


class Ending(Enum):
    """How a caller leaves."""

    ANSWERED = "when the answer has sounded"
    ANSWERING = "while the answer sounds"
    UNANSWERED = "before the agent has come"


class ShortCalls:
    """Calls of some seconds: dial, one exchange, hang up."""

    def __init__(self, gateway_url: str, clips: Sequence[Audio]) -> None:
        self._gateway_url = gateway_url
        self._clips = clips
        self.failures: list[str] = []
        """A sentence for each call that did not go as it should."""

    async def batch(self, numbers: Sequence[int], endings: Sequence[Ending]) -> None:
        """These calls at once."""
        async with asyncio.TaskGroup() as tasks:
            for number, ending in zip(numbers, endings, strict=True):
                tasks.create_task(self._call(number, ending), name=f"call-{number}")

    async def _call(self, number: int, ending: Ending) -> None:
        try:
            access = await request_access(self._gateway_url)
            async with join(access, frame_ms=FRAME_MS) as client:
                if ending is not Ending.UNANSWERED:
                    await client.wait_for_agent()
                    await self._exchange(client, self._clips[number % len(self._clips)], ending)
        except CallError as error:
            self.failures.append(f"call {number}: {error}")

    async def _exchange(self, client: RoomClient, clip: Audio, ending: Ending) -> None:
        # Its track comes before its ear is open.
        await client.reached(lambda: client.agent_state == "listening", timeout_s=ANSWER_S)
        await client.speak(clip)
        if not await client.reached(lambda: _is_answered(client), timeout_s=ANSWER_S):
            raise CallError(f"no answer came within {ANSWER_S:.0f} s")
        if ending is Ending.ANSWERED and not await client.reached(
            lambda: client.agent_state == "listening", timeout_s=ANSWER_ENDS_S
        ):
            raise CallError(f"the answer did not end within {ANSWER_ENDS_S:.0f} s")


class Utterances:
    """Short texts, spoken by the synthesis worker and then heard by the recognition worker.

    Of four, one is cancelled while it is spoken, and one while it is heard. Use as an async
    context manager.
    """

    def __init__(self, tts_target: str, asr_target: str) -> None:
        self._targets = tts_target, asr_target
        self._chance = random.Random(1)  # noqa: S311 - the same texts in every run
        self._channels = AsyncExitStack()
        self._speaking: synthesis_rpc.SpeechSynthesisAsyncStub
        self._hearing: recognition_rpc.SpeechRecognitionAsyncStub

    async def __aenter__(self) -> Self:
        tts, asr = [
            await self._channels.enter_async_context(grpc.aio.insecure_channel(target))
            for target in self._targets
        ]
        self._speaking = synthesis_rpc.SpeechSynthesisStub(tts)
        self._hearing = recognition_rpc.SpeechRecognitionStub(asr)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._channels.aclose()

    async def batch(self, numbers: Sequence[int]) -> None:
        """These utterances, UTTERANCES_AT_ONCE at a time; raises grpc.aio.AioRpcError."""
        left = iter(numbers)

        async def some() -> None:
            for number in left:
                await self._utter(number)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(UTTERANCES_AT_ONCE):
                tasks.create_task(some())

    async def _utter(self, number: int) -> None:
        pcm = await self._speak(number, cancelled=number % 4 == 1)
        if pcm:
            await self._hear(pcm, cancelled=number % 4 == 3)

    async def _speak(self, number: int, *, cancelled: bool) -> bytes:
        """The sound, 16-bit at RATE_HZ; nothing of one that was cancelled."""
        call = self._speaking.Synthesize(timeout=UTTERANCE_TIMEOUT_S)
        open_ = synthesis.SynthesizeOpen(seed=number, sample_rate_hz=RATE_HZ)
        words = " ".join(self._chance.choices(WORDS, k=self._chance.randint(1, 5)))
        text = synthesis.SynthesizeText(text=f"{words}.")
        await call.write(synthesis.SynthesizeRequest(open=open_))
        await call.write(synthesis.SynthesizeRequest(text=text))
        if cancelled:
            await call.read()
            call.cancel()
            return b""
        await call.write(synthesis.SynthesizeRequest(end=synthesis.SynthesizeEnd()))
        await call.done_writing()
        pcm = b""
        while isinstance(response := await call.read(), synthesis.SynthesizeResponse):
            pcm += response.audio.pcm_s16le
        return pcm

    async def _hear(self, pcm: bytes, *, cancelled: bool) -> None:
        call = self._hearing.Recognize(timeout=UTTERANCE_TIMEOUT_S)
        open_ = recognition.RecognizeOpen(sample_rate_hz=RATE_HZ, interim_results=True)
        await call.write(recognition.RecognizeRequest(open=open_))
        end = len(pcm) // 2 if cancelled else len(pcm)
        for start in range(0, end, MESSAGE_BYTES):
            audio = recognition.RecognizeAudio(pcm_s16le=pcm[start : start + MESSAGE_BYTES])
            await call.write(recognition.RecognizeRequest(audio=audio))
        if cancelled:
            call.cancel()
            return
        flush = recognition.RecognizeFlush(flush_id=1)
        await call.write(recognition.RecognizeRequest(flush=flush))
        await call.done_writing()
        while isinstance(await call.read(), recognition.RecognizeResponse):
            pass


def endings(batch: int, size: int) -> list[Ending]:
    """Of the calls in this batch. Every tenth batch is given up before the agent comes; in the
    others every third caller leaves while the answer sounds."""
    if batch % 10 == 9:
        return [Ending.UNANSWERED] * size
    return [Ending.ANSWERING if n % 3 == 2 else Ending.ANSWERED for n in range(size)]


def _is_answered(client: RoomClient) -> bool:
    return any(isinstance(heard.event, TurnEvent) for heard in client.events)
