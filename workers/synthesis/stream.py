"""One Synthesize call after its open message: texts in, words and audio out."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Executor
from contextlib import aclosing
from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from opentelemetry.trace import get_current_span

from parley.clock import Clock, monotonic
from parley.rpc.v1 import synthesis_pb2 as pb
from workers.engines.tts_engine import (
    Cancellation,
    LoadedVoice,
    SpeechPiece,
    SpeechRequest,
    SpokenAudio,
    SpokenEnd,
    SpokenWords,
)
from workers.serving.errors import deadline_exceeded, internal, invalid_argument
from workers.serving.profiles import EngineTime
from workers.synthesis.control import SpeechControl
from workers.synthesis.pcm import PcmChunk, UtterancePcm

LONGEST_TEXT = 2000
TEXT_WAIT_S = 30.0
"""A call in which nothing is left to hear ends when no text that sounds comes for so long."""

Write = Callable[[pb.SynthesizeResponse], Awaitable[None]]


class SynthesisStream:
    """Speaks the texts of one call; belongs to its task."""

    def __init__(
        self,
        open_: pb.SynthesizeOpen,
        write: Write,
        *,
        pcm: UtterancePcm,
        control: SpeechControl,
        engine_time: EngineTime,
        executor: Executor,
        on_first_audio: Callable[[float], None],
    ) -> None:
        """`on_first_audio` is told how long after the first text it was there, in seconds."""
        self._open = open_
        self._write = write
        self._pcm = pcm
        self._control = control
        self._engine_time = engine_time
        self._executor = executor
        self._on_first_audio = on_first_audio
        self._came_s: float | None = None
        self._texts = 0
        self._chunks = 0
        self._words = 0
        self._first_text_s: float | None = None
        self._first_audio_s: float | None = None

    def text_came(self) -> None:
        """The next text is there; a slot for it may have to be waited for."""
        if self._came_s is None:
            self._came_s = time.monotonic()

    async def speak(self, text: str, voice: LoadedVoice) -> None:
        """Sends the words and the audio of the next text, and that it is done."""
        if self._first_text_s is None:
            self._first_text_s = time.monotonic()
        request = SpeechRequest(
            text=_speakable(text),
            text_index=self._texts,
            seed=self._open.seed,
            speed=self._open.speed or 1.0,
            keep_lead=self._pcm.position > 0,
            from_sample=self._pcm.from_sample,
        )
        cancellation = Cancellation()
        pieces = in_threads(
            voice.speak(request, cancellation), cancellation, self._engine_time, self._executor
        )
        async with aclosing(pieces):
            async for piece in pieces:
                await self._control.going_on()
                await self._send(piece)
        done = pb.SynthesisTextDone(text_index=self._texts, end_sample=self._pcm.position)
        await self._write(pb.SynthesizeResponse(text_done=done))
        self._texts += 1

    async def finish(self) -> None:
        """Sends the counts."""
        done = pb.SynthesisDone(
            total_samples=self._pcm.position,
            chunks=self._chunks,
            words=self._words,
            synthesis=duration(self._engine_time.elapsed_s),
        )
        if self._first_audio_s is not None and self._first_text_s is not None:
            done.first_audio.CopyFrom(duration(self._first_audio_s - self._first_text_s))
        await self._write(pb.SynthesizeResponse(done=done))

    async def _send(self, piece: SpeechPiece) -> None:
        match piece:
            case SpokenWords():
                await self._send_words(piece)
            case SpokenAudio():
                for chunk in self._pcm.audio(piece):
                    await self._send_audio(chunk)
            case SpokenEnd():
                for chunk in self._pcm.end(piece):
                    await self._send_audio(chunk)

    async def _send_words(self, piece: SpokenWords) -> None:
        timings = []
        for word in piece.words:
            start, end = self._pcm.span(word)
            timings.append(pb.WordTiming(word=word.word, start_sample=start, end_sample=end))
        self._words += len(timings)
        words = pb.SynthesisWords(text_index=self._texts, words=timings)
        await self._write(pb.SynthesizeResponse(words=words))

    async def _send_audio(self, chunk: PcmChunk) -> None:
        audio = pb.SynthesisAudio(
            sequence=self._chunks,
            sample_offset=chunk.sample_offset,
            pcm_s16le=chunk.pcm_s16le,
            text_index=self._texts,
        )
        await self._write(pb.SynthesizeResponse(audio=audio))
        self._chunks += 1
        if self._first_audio_s is None:
            self._first_audio_s = time.monotonic()
            get_current_span().add_event("first_audio")
            if self._came_s is not None:
                self._on_first_audio(self._first_audio_s - self._came_s)


class Hearing:
    """Until when the listener has something to hear of what was made, as far as a worker knows."""

    def __init__(self, clock: Clock = monotonic) -> None:
        self._clock = clock
        self._until_s = clock()

    def made(self, seconds: float) -> None:
        """So much more sound has been made."""
        if seconds > 0:
            self._until_s = max(self._until_s, self._clock()) + seconds

    @property
    def text_due_s(self) -> float:
        """How long the next text may take."""
        return self._until_s + TEXT_WAIT_S - self._clock()


async def texts_of(
    requests: AsyncIterator[pb.SynthesizeRequest], hearing: Hearing
) -> AsyncGenerator[str]:
    """The texts after the open message, until end or half-close.

    Raises CallError: INVALID_ARGUMENT for what may not come here or is too long,
    DEADLINE_EXCEEDED when nothing that sounds comes for 30 s after what was made was heard.
    """
    index = 0
    while True:
        try:
            async with asyncio.timeout(hearing.text_due_s):
                request = await anext(requests, None)
        except TimeoutError:
            raise deadline_exceeded(
                f"no text to speak came for {TEXT_WAIT_S:.0f} s", reason="TEXT_TIMEOUT"
            ) from None
        kind = request.WhichOneof("message") if request is not None else "end"
        if request is None or kind == "end":
            return
        if kind != "text":
            problem = "open came a second time" if kind == "open" else "the message is empty"
            raise invalid_argument("message", f"{problem}; after open come text and end")
        text = request.text.text
        if len(text) > LONGEST_TEXT:
            raise invalid_argument(
                f"text[{index}].text",
                f"has {len(text)} characters, at most {LONGEST_TEXT} are allowed; "
                "send a clause or a sentence at a time",
            )
        yield text
        index += 1


async def in_threads(
    pieces: Iterator[SpeechPiece],
    cancellation: Cancellation,
    engine_time: EngineTime,
    executor: Executor,
) -> AsyncGenerator[SpeechPiece]:
    """Each piece computed in a thread, the next one when it is asked for.

    When cancelled, it ends only after the thread has: within one chunk. Whatever the engine
    raises becomes INTERNAL.
    """
    loop = asyncio.get_running_loop()
    while True:
        step = loop.run_in_executor(executor, engine_time.run, lambda: next(pieces, None))
        try:
            piece = await asyncio.shield(step)
        except asyncio.CancelledError:
            cancellation.cancel()
            await asyncio.wait([step])
            step.exception()  # the cancelled engine's own complaint
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise internal(f"the engine failed: {reason}", reason="ENGINE_FAILED") from error
        if piece is None:
            return
        yield piece


def duration(seconds: float) -> Duration:
    value = Duration()
    value.FromTimedelta(timedelta(seconds=seconds))
    return value


def _speakable(text: str) -> str:
    """Without control characters, which no phonemizer expects."""
    return "".join(c if c.isprintable() or c.isspace() else " " for c in text)
