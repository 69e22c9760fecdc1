"""Speaking through the workers: one utterance is one Synthesize call."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import grpc
import numpy as np

from parley.audio import Samples
from parley.discovery import Discovery
from parley.errors import WorkersBusyError, WorkerUnavailableError
from parley.rpc.v1 import synthesis_pb2 as pb
from parley.rpc.v1 import synthesis_pb2_grpc as rpc
from parley.speech.channel import as_speech_error, open_channel

MAX_WORKERS_TRIED = 3


@dataclass(frozen=True, kw_only=True)
class SynthesisRequest:
    """How an utterance is to be spoken; the field meanings are those of `SynthesizeOpen`."""

    voice: str = ""
    sample_rate_hz: int = 0
    speed: float = 1.0
    epoch: int = 0
    session_id: str = ""
    seed: int = 0
    start_offset_samples: int = 0
    utterance_id: str = field(default_factory=lambda: uuid.uuid4().hex)


@dataclass(frozen=True)
class SynthesisStarted:
    worker_id: str
    engine: str
    voice: str
    sample_rate_hz: int


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
class SynthesisDone:
    total_samples: int


SpeechEvent = SynthesisStarted | SynthesisWords | AudioChunk | SynthesisDone


class SpeechPool:
    """Speaks through whichever worker admits the utterance.

    Use as an async context manager, inside the process and event loop that speaks.
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

    def stub(self, target: str) -> "rpc.SpeechSynthesisAsyncStub":
        """The worker's typed stub, for calls that are addressed to one worker."""
        if target not in self._channels:
            self._channels[target] = open_channel(target)
        return rpc.SpeechSynthesisStub(self._channels[target])

    async def synthesize(
        self, request: SynthesisRequest, texts: AsyncIterable[str]
    ) -> AsyncGenerator[SpeechEvent]:
        """Speaks `texts` as they arrive; each is one clause or sentence.

        Closing the iterator cancels the utterance at the worker. Raises SpeechError subclasses:
        WorkersBusyError when all are at their slots, WorkerUnavailableError when none answers.
        """
        targets = [worker.target for worker in self._discovery.workers()][:MAX_WORKERS_TRIED]
        last: Exception | None = None
        for target in targets:
            stream = self._synthesize_at(target, request, texts)
            try:
                started = await anext(stream)
            except (WorkersBusyError, WorkerUnavailableError) as error:
                last = error
                continue
            try:
                yield started
                async for event in stream:
                    yield event
            finally:
                await stream.aclose()
            return
        raise last or WorkerUnavailableError("no speech worker is known")

    async def _synthesize_at(
        self, target: str, request: SynthesisRequest, texts: AsyncIterable[str]
    ) -> AsyncGenerator[SpeechEvent]:
        call = self.stub(target).Synthesize()
        await call.write(pb.SynthesizeRequest(open=_open(request)))
        sender: asyncio.Task[None] | None = None
        try:
            async for response in call:
                event = _event(response)
                if sender is None:  # admitted: only now is text taken from its source
                    sender = asyncio.create_task(_send_texts(call, texts))
                yield event
            if sender is not None:
                await sender
        except grpc.aio.AioRpcError as error:
            raise as_speech_error(error, target=target) from error
        finally:
            call.cancel()
            if sender is not None:
                sender.cancel()
                await asyncio.gather(sender, return_exceptions=True)


async def _send_texts(
    call: "grpc.aio.StreamStreamCall[pb.SynthesizeRequest, pb.SynthesizeResponse]",
    texts: AsyncIterable[str],
) -> None:
    try:
        async for text in texts:
            await call.write(pb.SynthesizeRequest(text=pb.SynthesizeText(text=text)))
        await call.write(pb.SynthesizeRequest(end=pb.SynthesizeEnd()))
        await call.done_writing()
    except asyncio.InvalidStateError:
        pass  # the call has ended; whoever reads it learns why
    except asyncio.CancelledError:
        raise
    except BaseException:
        call.cancel()
        raise


def _open(request: SynthesisRequest) -> pb.SynthesizeOpen:
    return pb.SynthesizeOpen(
        utterance_id=request.utterance_id,
        epoch=request.epoch,
        session_id=request.session_id,
        voice=request.voice,
        sample_rate_hz=request.sample_rate_hz,
        speed=request.speed,
        start_offset_samples=request.start_offset_samples,
        seed=request.seed,
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
        case "done":
            return SynthesisDone(total_samples=response.done.total_samples)
        case other:
            raise WorkerUnavailableError(
                f"the worker sent {other!r}, which this client is too old for"
            )
