"""Recognizing through a pool of workers: unanswered audio is replayed to another if one is lost."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from random import Random
from types import TracebackType
from typing import Self

from parley.clock import Clock, monotonic
from parley.discovery import Discovery
from parley.errors import (
    WorkerStalledError,
    WorkerUnavailableError,
)
from parley.rpc.v1 import recognition_pb2_grpc as rpc
from parley.rpc.v1 import status_pb2
from parley.speech.balancing.roster import Roster
from parley.speech.balancing.workers import RETRIED, Failures, Workers
from parley.speech.channel import Channels
from parley.speech.recognition.client import (
    FlushMark,
    RecognitionCall,
    RecognitionRequest,
    RecognizedWord,
    Transcript,
    TranscriptKind,
)
from parley.speech.replay_buffer import ReplayBuffer
from parley.tls import ClientTls

KEPT_FRAMES = 3000
"""Audio kept for another worker (a minute of 20 ms frames): silence must not fill the memory."""
FINAL_LIMIT_S = 1.5
ALONE_LIMIT_S = 15.0
CHECK_S = 0.1


class RecognitionPool:
    """The recognition workers that discovery knows.

    Use as an async context manager, inside the process and event loop that listens.
    """

    def __init__(
        self,
        discovery: Discovery,
        *,
        tls: ClientTls | None = None,
        clock: Clock = monotonic,
        random: Random | None = None,
    ) -> None:
        self._channels = Channels(tls)
        self._clock = clock
        self._workers = Workers(
            discovery,
            fetch_status=self._status,
            channels=self._channels,
            clock=clock,
            random=random,
        )

    @property
    def roster(self) -> Roster:
        return self._workers.roster

    async def __aenter__(self) -> Self:
        await self._workers.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._workers.__aexit__(kind, error, traceback)

    def stub(self, target: str) -> "rpc.SpeechRecognitionAsyncStub":
        """The worker's typed stub, for calls that are addressed to one worker."""
        return rpc.SpeechRecognitionStub(self._channels.to(target))

    async def recognize(
        self, request: RecognitionRequest, audio: AsyncIterable[bytes | FlushMark]
    ) -> AsyncGenerator[Transcript]:
        """Listens to `audio` (16-bit little-endian mono PCM of any length, and flush marks).

        Ends after the last FINAL once `audio` ends. When the worker is lost, what has not been
        answered by a FINAL is sent to another one. Raises what `audio` raises, and SpeechError
        subclasses.
        """
        replay = ReplayBuffer(audio)
        replay.open()
        unanswered = _Unanswered(replay, 2 * request.sample_rate_hz)
        failures = Failures()
        try:
            while True:
                target = (await self._workers.pick(failures.by_target)).target
                unanswered.begin()
                call = RecognitionCall(
                    self.stub(target),
                    target=target,
                    request=request,
                    audio=replay.read(replay.start),
                )
                with ExitStack() as counted:
                    counted.enter_context(self.roster.call(target))
                    try:
                        while (transcript := await self._read(call, unanswered)) is not None:
                            yield unanswered.answered(transcript)
                            failures.clear()
                        break
                    except RETRIED as error:
                        if isinstance(error, WorkerUnavailableError):
                            self.roster.circuit(target).lost()
                        failures.note(target, error)
                    finally:
                        await call.aclose()
        finally:
            await replay.aclose()
        if replay.failure is not None:
            raise replay.failure

    async def _read(self, call: RecognitionCall, unanswered: "_Unanswered") -> Transcript | None:
        """The call's next transcript; a FINAL that does not come counts as a lost worker."""
        limit_s = FINAL_LIMIT_S if self._workers.others(call.target) else ALONE_LIMIT_S
        reading = asyncio.create_task(call.read(), name="recognition-read")
        waiting_since = self._clock()
        try:
            while not reading.done():
                await asyncio.wait({reading}, timeout=CHECK_S)
                unanswered.bound()
                if call.admitted and not call.has_pending_final:
                    waiting_since = self._clock()
                if self._clock() - waiting_since > limit_s:
                    raise WorkerStalledError(f"speech worker {call.target} gave no transcript")
            transcript = reading.result()
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        self.roster.circuit(call.target).succeeded()
        return transcript

    async def _status(self, target: str) -> status_pb2.WorkerStatus:
        return (await self.stub(target).GetStatus(status_pb2.GetStatusRequest())).status


@dataclass
class _Unanswered:
    """The audio that no FINAL has answered, and where it stands in the speaker's time."""

    replay: ReplayBuffer[bytes | FlushMark]
    bytes_per_s: int
    _before_s: float = field(default=0.0, init=False)
    _call_began_s: float = field(default=0.0, init=False)

    def begin(self) -> None:
        """A new call starts with the oldest audio kept."""
        self._call_began_s = self._before_s

    def answered(self, transcript: Transcript) -> Transcript:
        """The transcript in the speaker's time; forgets the audio that a FINAL has answered."""
        moved = _shifted(transcript, self._call_began_s)
        if moved.kind is TranscriptKind.FINAL:
            self._forget(moved)
        return moved

    def bound(self) -> None:
        """Forgets the oldest audio where nothing has been answered for long."""
        while self.replay.end - self.replay.start > KEPT_FRAMES:
            self._drop_oldest()

    def _forget(self, final: Transcript) -> None:
        while self.replay.start < self.replay.end:
            if not final.flush_id and self._before_s >= final.end_s:
                return
            item = self._drop_oldest()
            if isinstance(item, FlushMark) and item.flush_id == final.flush_id:
                return

    def _drop_oldest(self) -> bytes | FlushMark:
        item = self.replay.drop_oldest()
        if not isinstance(item, FlushMark):
            self._before_s += len(item) / self.bytes_per_s
        return item


def _shifted(transcript: Transcript, by_s: float) -> Transcript:
    if not by_s:
        return transcript
    return replace(
        transcript,
        start_s=transcript.start_s + by_s,
        end_s=transcript.end_s + by_s,
        words=tuple(
            RecognizedWord(w.word, w.start_s + by_s, w.end_s + by_s, w.confidence)
            for w in transcript.words
        ),
    )
