"""One Synthesize call: what is asked of a worker and what comes back."""

import asyncio
import uuid
from collections.abc import AsyncIterable
from dataclasses import dataclass, field
from datetime import timedelta

import grpc
import numpy as np
from google.protobuf.duration_pb2 import Duration

from parley.audio import Samples
from parley.errors import WorkerUnavailableError
from parley.rpc.v1 import synthesis_pb2 as pb
from parley.rpc.v1 import synthesis_pb2_grpc as rpc
from parley.speech.channel import as_speech_error
from parley.telemetry.tracing import trace_metadata


@dataclass(frozen=True, kw_only=True)
class SynthesisRequest:
    """How an utterance is to be spoken; the field meanings are those of `SynthesizeOpen`."""

    voice: str = ""
    sample_rate_hz: int = 0
    speed: float = 1.0
    session_id: str = ""
    seed: int = 0
    start_offset_samples: int = 0
    traceparent: str = ""
    """The trace it belongs to, as the worker is told."""
    utterance_id: str = field(default_factory=lambda: uuid.uuid4().hex)


@dataclass(frozen=True)
class SynthesisStarted:
    worker_id: str
    engine: str
    voice: str
    sample_rate_hz: int
    reproducible: bool
    """Whether another worker would make the same samples."""


@dataclass(frozen=True)
class WordTiming:
    """A word and where it sounds, in samples from the utterance's start."""

    word: str
    start_sample: int
    end_sample: int


@dataclass(frozen=True)
class SynthesisWords:
    """The words of one text; comes before its audio."""

    text_index: int
    words: tuple[WordTiming, ...]


@dataclass(frozen=True)
class AudioChunk:
    """`samples` is int16 of shape [n]; the first stands at `sample_offset` of the utterance."""

    samples: Samples
    sample_offset: int
    text_index: int


@dataclass(frozen=True)
class TextSpoken:
    """All audio of one text has come; `end_sample` is one past its last."""

    text_index: int
    end_sample: int


@dataclass(frozen=True)
class SynthesisDone:
    total_samples: int


SpeechEvent = SynthesisStarted | SynthesisWords | AudioChunk | TextSpoken | SynthesisDone


LONGEST_CALL_S = 1800.0
"""No utterance is spoken for longer, held and resumed though it be."""


class SynthesisCall:
    """One utterance at one worker. Open it with the event loop running; always `aclose` it."""

    def __init__(
        self,
        stub: "rpc.SpeechSynthesisAsyncStub",
        *,
        target: str,
        request: SynthesisRequest,
        texts: AsyncIterable[str],
        slot_wait_s: float,
    ) -> None:
        """`texts` ends without raising: the worker speaks what it was given either way.
        `slot_wait_s`: where it has no slot for so long, the worker is to refuse."""
        self.target = target
        self._slot_wait_s = slot_wait_s
        self._request = request
        self._texts = texts
        self._call = stub.Synthesize(
            timeout=LONGEST_CALL_S, metadata=trace_metadata(request.traceparent)
        )
        self._sender: asyncio.Task[None] | None = None
        self._sent = 0
        self._spoken = 0

    @property
    def has_pending_text(self) -> bool:
        """Whether the worker has text of ours that it has not finished speaking."""
        return self._sent > self._spoken

    async def read(self) -> SpeechEvent | None:
        """The next event, None after the last. Text is sent from the first event (admission) on.

        Raises SpeechError subclasses; cancelling a read ends the call.
        """
        try:
            if self._sender is None:
                await self._call.write(
                    pb.SynthesizeRequest(open=_open(self._request, self._slot_wait_s))
                )
                response = await self._call.read()
                self._sender = asyncio.create_task(self._send(), name="synthesis-texts")
            else:
                response = await self._call.read()
        except grpc.aio.AioRpcError as error:
            raise as_speech_error(error, target=self.target) from error
        except asyncio.InvalidStateError:  # the call ended before it could be written to
            raise WorkerUnavailableError(f"speech worker {self.target} is gone") from None
        if not isinstance(response, pb.SynthesizeResponse):  # grpc.aio.EOF
            return None
        event = _event(response)
        if isinstance(event, TextSpoken):
            self._spoken += 1
        return event

    async def aclose(self) -> None:
        """Cancels the utterance at the worker, unless it has ended."""
        self._call.cancel()
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.gather(self._sender, return_exceptions=True)

    async def _send(self) -> None:
        try:
            async for text in self._texts:
                self._sent += 1
                await self._call.write(pb.SynthesizeRequest(text=pb.SynthesizeText(text=text)))
            await self._call.write(pb.SynthesizeRequest(end=pb.SynthesizeEnd()))
            await self._call.done_writing()
        except (asyncio.InvalidStateError, grpc.aio.AioRpcError):
            pass  # the call has ended; its reader learns why


def _open(request: SynthesisRequest, slot_wait_s: float) -> pb.SynthesizeOpen:
    wait = Duration()
    wait.FromTimedelta(timedelta(seconds=slot_wait_s))
    return pb.SynthesizeOpen(
        utterance_id=request.utterance_id,
        session_id=request.session_id,
        voice=request.voice,
        sample_rate_hz=request.sample_rate_hz,
        speed=request.speed,
        start_offset_samples=request.start_offset_samples,
        seed=request.seed,
        wait=wait,
    )


def _event(response: pb.SynthesizeResponse) -> SpeechEvent:
    match response.WhichOneof("message"):
        case "started":
            started = response.started
            return SynthesisStarted(
                worker_id=started.worker_id,
                engine=started.engine,
                voice=started.voice,
                sample_rate_hz=started.sample_rate_hz,
                reproducible=started.reproducible,
            )
        case "words":
            return SynthesisWords(
                text_index=response.words.text_index,
                words=tuple(
                    WordTiming(word.word, word.start_sample, word.end_sample)
                    for word in response.words.words
                ),
            )
        case "audio":
            audio = response.audio
            return AudioChunk(
                samples=np.frombuffer(audio.pcm_s16le, dtype="<i2"),
                sample_offset=audio.sample_offset,
                text_index=audio.text_index,
            )
        case "text_done":
            return TextSpoken(response.text_done.text_index, response.text_done.end_sample)
        case "done":
            return SynthesisDone(total_samples=response.done.total_samples)
        case other:
            raise WorkerUnavailableError(
                f"the worker sent {other!r}, which this client is too old for"
            )
