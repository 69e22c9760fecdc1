"""Hearing through the workers: one listened-to speaker is one Recognize call."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from types import TracebackType
from typing import Self

import grpc
from google.protobuf.duration_pb2 import Duration

from parley.discovery import Discovery
from parley.errors import WorkersBusyError, WorkerUnavailableError
from parley.rpc.v1 import recognition_pb2 as pb
from parley.rpc.v1 import recognition_pb2_grpc as rpc
from parley.speech.channel import as_speech_error, open_channel


@dataclass(frozen=True, kw_only=True)
class RecognitionRequest:
    """How a speaker is listened to; the field meanings are those of `RecognizeOpen`."""

    sample_rate_hz: int = 16000
    language: str = ""
    session_id: str = ""
    interim_results: bool = True
    word_times: bool = False
    hints: tuple[str, ...] = ()
    preflight_silence_s: float = 0.0


@dataclass(frozen=True)
class FlushMark:
    """Stands in the audio where the turn has ended; the FINAL it causes carries its id."""

    flush_id: int


class TranscriptKind(Enum):
    PARTIAL = pb.TRANSCRIPT_KIND_PARTIAL
    PREFLIGHT = pb.TRANSCRIPT_KIND_PREFLIGHT
    FINAL = pb.TRANSCRIPT_KIND_FINAL


@dataclass(frozen=True)
class RecognizedWord:
    word: str
    start_s: float
    end_s: float
    confidence: float


@dataclass(frozen=True)
class Transcript:
    """What was heard; times count from the start of the call's audio."""

    kind: TranscriptKind
    text: str
    start_s: float
    end_s: float
    confidence: float
    words: tuple[RecognizedWord, ...]
    language: str
    flush_id: int
    decode_s: float


class RecognitionPool:
    """Listens through whichever worker admits the speaker.

    Use as an async context manager, inside the process and event loop that listens.
    """

    def __init__(self, discovery: Discovery) -> None:
        self._discovery = discovery
        self._channels: dict[str, grpc.aio.Channel] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        channels, self._channels = list(self._channels.values()), {}
        for channel in channels:
            await channel.close()

    def stub(self, target: str) -> "rpc.SpeechRecognitionAsyncStub":
        """The worker's typed stub, for calls that are addressed to one worker."""
        if target not in self._channels:
            self._channels[target] = open_channel(target)
        return rpc.SpeechRecognitionStub(self._channels[target])

    async def recognize(
        self, request: RecognitionRequest, audio: AsyncIterable[bytes | FlushMark]
    ) -> AsyncGenerator[Transcript]:
        """Listens to `audio` (16-bit little-endian mono PCM of any length, and flush marks).

        Ends after the last FINAL once `audio` ends. Raises SpeechError subclasses.
        """
        last: Exception | None = None
        for worker in self._discovery.workers():
            call = self.stub(worker.target).Recognize()
            sender: asyncio.Task[None] | None = None
            try:
                await call.write(pb.RecognizeRequest(open=_open(request)))
                async for response in call:
                    if response.WhichOneof("message") == "started":
                        sender = asyncio.create_task(_send_audio(call, audio))
                    else:
                        yield _transcript(response.transcript)
                if sender is not None:
                    await sender
                return
            except grpc.aio.AioRpcError as error:
                speech_error = as_speech_error(error, target=worker.target)
                retry = isinstance(speech_error, WorkersBusyError | WorkerUnavailableError)
                if sender is not None or not retry:
                    raise speech_error from error
                last = speech_error
            finally:
                call.cancel()
                if sender is not None:
                    sender.cancel()
                    await asyncio.gather(sender, return_exceptions=True)
        raise last or WorkerUnavailableError("no recognition worker is known")


async def _send_audio(
    call: "grpc.aio.StreamStreamCall[pb.RecognizeRequest, pb.RecognizeResponse]",
    audio: AsyncIterable[bytes | FlushMark],
) -> None:
    try:
        async for item in audio:
            if isinstance(item, FlushMark):
                message = pb.RecognizeRequest(flush=pb.RecognizeFlush(flush_id=item.flush_id))
            else:
                message = pb.RecognizeRequest(audio=pb.RecognizeAudio(pcm_s16le=item))
            await call.write(message)
        await call.done_writing()
    except asyncio.InvalidStateError:
        pass  # the call has ended; whoever reads it learns why
    except asyncio.CancelledError:
        raise
    except BaseException:
        call.cancel()
        raise


def _open(request: RecognitionRequest) -> pb.RecognizeOpen:
    silence = Duration()
    silence.FromTimedelta(timedelta(seconds=request.preflight_silence_s))
    return pb.RecognizeOpen(
        session_id=request.session_id,
        sample_rate_hz=request.sample_rate_hz,
        language=request.language,
        interim_results=request.interim_results,
        word_times=request.word_times,
        hints=request.hints,
        preflight_silence=silence,
    )


def _transcript(message: pb.Transcript) -> Transcript:
    return Transcript(
        kind=TranscriptKind(message.kind),
        text=message.text,
        start_s=_seconds(message.start),
        end_s=_seconds(message.end),
        confidence=message.confidence,
        words=tuple(
            RecognizedWord(word.word, _seconds(word.start), _seconds(word.end), word.confidence)
            for word in message.words
        ),
        language=message.language,
        flush_id=message.flush_id,
        decode_s=_seconds(message.decode),
    )


def _seconds(duration: Duration) -> float:
    return float(duration.ToTimedelta().total_seconds())
