"""One Recognize call: what is asked of a worker and what comes back."""

import asyncio
from collections.abc import AsyncIterable, Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

import grpc
from google.protobuf.duration_pb2 import Duration

from parley.errors import WorkerUnavailableError
from parley.rpc.v1 import recognition_pb2 as pb
from parley.rpc.v1 import recognition_pb2_grpc as rpc
from parley.speech.channel import as_speech_error
from parley.telemetry.tracing import no_trace


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
    turn_sound: bool = False
    traceparent: Callable[[], str] = no_trace
    """The trace that what is sent now belongs to; empty: none."""


@dataclass(frozen=True)
class FlushMark:
    """Stands in the audio where the turn has ended; the FINAL it causes carries its id (> 0)."""

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
    sounds_finished: float | None = None
    """Of a PREFLIGHT, where it was asked for: the probability that the turn has ended, by its
    sound."""
    model: str = ""
    """That heard it, as the worker calls it."""


class RecognitionCall:
    """One speaker at one worker. Open it with the event loop running; always `aclose` it."""

    def __init__(
        self,
        stub: "rpc.SpeechRecognitionAsyncStub",
        *,
        target: str,
        request: RecognitionRequest,
        audio: AsyncIterable[bytes | FlushMark],
        final_limit_s: Callable[[], float],
        on_admitted: Callable[[str], None] = lambda worker_id: None,
    ) -> None:
        """`audio` (16-bit little-endian mono PCM, any length) ends without raising;
        `final_limit_s`: how long a FINAL is waited for that is asked for now; `on_admitted` is
        told by which worker."""
        self.target = target
        self._final_limit_s = final_limit_s
        self._on_admitted = on_admitted
        self._request = request
        self._audio = audio
        self._call = stub.Recognize()
        self._sender: asyncio.Task[None] | None = None
        self._pending_flushes = 0
        self._model = ""

    @property
    def admitted(self) -> bool:
        return self._sender is not None

    @property
    def has_pending_final(self) -> bool:
        """Whether a FINAL is due: a flush was sent and not answered."""
        return self._pending_flushes > 0

    async def read(self) -> Transcript | None:
        """The next transcript, None after the last. Audio is sent once the worker admits the call.

        Raises SpeechError subclasses; cancelling a read ends the call.
        """
        try:
            if self._sender is None:
                await self._call.write(pb.RecognizeRequest(open=_open(self._request)))
                admitted = await self._call.read()
                if isinstance(admitted, pb.RecognizeResponse):
                    self._model = admitted.started.model
                    self._on_admitted(admitted.started.worker_id)
                    self._sender = asyncio.create_task(self._send(), name="recognition-audio")
            response = await self._call.read()
        except grpc.aio.AioRpcError as error:
            raise as_speech_error(error, target=self.target) from error
        except asyncio.InvalidStateError:  # the call ended before it could be written to
            raise WorkerUnavailableError(f"speech worker {self.target} is gone") from None
        if not isinstance(response, pb.RecognizeResponse):  # grpc.aio.EOF
            return None
        transcript = _transcript(response.transcript, self._model)
        if transcript.kind is TranscriptKind.FINAL and transcript.flush_id:
            self._pending_flushes -= 1
        return transcript

    async def aclose(self) -> None:
        """Cancels the call at the worker, unless it has ended."""
        self._call.cancel()
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.gather(self._sender, return_exceptions=True)

    async def _send(self) -> None:
        told = ""
        try:
            async for item in self._audio:
                if isinstance(item, FlushMark):
                    self._pending_flushes += 1
                    flush = pb.RecognizeFlush(flush_id=item.flush_id)
                    flush.within.FromTimedelta(timedelta(seconds=self._final_limit_s()))
                    await self._call.write(pb.RecognizeRequest(flush=flush))
                else:
                    audio = pb.RecognizeAudio(pcm_s16le=item)
                    if (traceparent := self._request.traceparent()) != told:
                        audio.traceparent = told = traceparent
                    await self._call.write(pb.RecognizeRequest(audio=audio))
            await self._call.done_writing()
        except (asyncio.InvalidStateError, grpc.aio.AioRpcError):
            pass  # the call has ended; its reader learns why


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
        turn_sound=request.turn_sound,
    )


def _transcript(message: pb.Transcript, model: str) -> Transcript:
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
        sounds_finished=message.sounds_finished if message.HasField("sounds_finished") else None,
        model=model,
    )


def _seconds(duration: Duration) -> float:
    return float(duration.ToTimedelta().total_seconds())
