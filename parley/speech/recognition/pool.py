"""Recognizing through a pool of workers: unanswered audio is replayed to another if one is lost."""

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from contextlib import ExitStack, aclosing
from dataclasses import replace

from parley.clock import Clock
from parley.errors import (
    SpeechError,
    StreamIdleError,
    WorkerDeclinedError,
    WorkerStalledError,
    WorkerUnavailableError,
)
from parley.rpc.v1 import recognition_pb2_grpc as rpc
from parley.speech.balancing.retries import BUSY_LIMIT_S, RETRIED, Retries
from parley.speech.balancing.roster import LOAD_SLACK
from parley.speech.balancing.workers import Workers
from parley.speech.recognition.client import (
    FlushMark,
    RecognitionCall,
    RecognitionRequest,
    RecognizedWord,
    Transcript,
    TranscriptKind,
)
from parley.speech.replay_buffer import ReplayBuffer

KEPT_S = 60.0
"""Audio kept for another worker: silence must not fill the memory, nor be sent again for long."""
UNSENT_S = 600.0
"""Of audio that no worker has taken yet, as much is kept."""
FINAL_LIMIT_S = 1.5
"""What a FINAL may take where nothing is known of the worker's load."""
LAST_LIMIT_S = 15.0
"""Where no other worker could do better, a slow one is heard out."""
CHECK_S = 0.1
CROSSED_S = 5.0
"""What was sent this long before a worker ended its idle call, it may not have seen."""
BURST_S = 1.0
BURST_PAUSE_S = 0.02
"""Kept audio is sent again in bursts, fifty times as fast as it was spoken: in between both event
loops have time for the others."""


class RecognitionPool(Workers):
    """The recognition workers that discovery knows.

    Use as an async context manager, inside the process and event loop that listens.
    """

    KIND = "recognition"
    on_admitted: Callable[[str], None] = staticmethod(lambda worker_id: None)
    """Is told which worker listens from now on; may be set."""

    def stub(self, target: str) -> "rpc.SpeechRecognitionAsyncStub":
        """The worker's typed stub, for calls that are addressed to one worker."""
        return rpc.SpeechRecognitionStub(self._channels.to(target))

    async def recognize(
        self,
        request: RecognitionRequest,
        audio: AsyncIterable[bytes | FlushMark],
        *,
        busy_limit_s: float = BUSY_LIMIT_S,
        kept_s: float = KEPT_S,
    ) -> AsyncGenerator[Transcript]:
        """Listens to `audio` (16-bit little-endian mono PCM of any length, and flush marks).

        Ends after the last FINAL once `audio` ends. A worker is asked once there is audio. When it
        is lost, what has not been answered by a FINAL, the last `kept_s` of it (infinite for a
        recording), is sent to another one. While all workers are at capacity they are asked again,
        for up to `busy_limit_s`. Raises what `audio` raises, and SpeechError subclasses.
        """
        unanswered = _Unanswered(audio, 2 * request.sample_rate_hz, kept_s, self._clock)
        replay = unanswered.replay
        replay.open()
        retries = Retries(clock=self._clock, random=self._random, busy_limit_s=busy_limit_s)
        try:
            wanted = 0
            while await replay.reaches(wanted):
                target = ""
                try:
                    target = (await self.pick(retries.failed)).target
                    listening = self._listen(target, request, unanswered, retries)
                    async with aclosing(listening) as transcripts:
                        async for transcript in transcripts:
                            yield transcript
                            retries.progressed()
                    break
                except RETRIED as error:
                    failure: SpeechError = error
                wanted = await self._after(failure, target, unanswered, retries)
        finally:
            await replay.aclose()
        if replay.failure is not None:
            raise replay.failure

    async def _after(
        self, failure: SpeechError, target: str, unanswered: "_Unanswered", retries: Retries
    ) -> int:
        """From which position on audio is worth another call; raises what cannot be retried."""
        if isinstance(failure, StreamIdleError):
            return unanswered.next_to_hear(self._clock() - CROSSED_S)
        declined = isinstance(failure, WorkerDeclinedError)
        if isinstance(failure, WorkerUnavailableError) and target and not declined:
            self.scoreboard.lost(target)
        if target:
            retries.note(target, failure)
        if not target or retries.exhausted:
            await retries.until_capacity(failure)
        return unanswered.replay.start

    async def _listen(
        self,
        target: str,
        request: RecognitionRequest,
        unanswered: "_Unanswered",
        retries: Retries,
    ) -> AsyncGenerator[Transcript]:
        """One call to the worker, from the oldest audio kept on."""

        def final_limit_s() -> float:
            others = self.others(target)
            if retries.leave_one or all(other.target in retries.failed for other in others):
                return LAST_LIMIT_S
            expected_s = LOAD_SLACK * self.scoreboard.expected_s(target)
            return min(LAST_LIMIT_S, max(FINAL_LIMIT_S, expected_s))

        unanswered.begin()
        call = RecognitionCall(
            self.stub(target),
            target=target,
            request=request,
            audio=unanswered.kept_and_new(),
            final_limit_s=final_limit_s,
            on_admitted=self.on_admitted,
        )
        with ExitStack() as counted:
            counted.enter_context(self.scoreboard.call(target))
            try:
                while (transcript := await self._read(call, unanswered, final_limit_s)) is not None:
                    yield unanswered.answered(transcript)
            finally:
                await call.aclose()

    async def _read(
        self,
        call: RecognitionCall,
        unanswered: "_Unanswered",
        final_limit_s: Callable[[], float],
    ) -> Transcript | None:
        """The call's next transcript; a FINAL that does not come counts as a lost worker."""
        reading = asyncio.create_task(call.read(), name="recognition-read")
        waiting_since = self._clock()
        try:
            while not reading.done():
                await asyncio.wait({reading}, timeout=CHECK_S)
                unanswered.bound()
                if call.admitted and not call.has_pending_final:
                    waiting_since = self._clock()
                if self._clock() - waiting_since > final_limit_s():
                    raise WorkerStalledError(f"speech worker {call.target} gave no transcript")
            transcript = reading.result()
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        self.scoreboard.answered(call.target)
        return transcript


class _Unanswered:
    """The audio that no FINAL has answered, and where it stands in the speaker's time."""

    def __init__(
        self,
        audio: AsyncIterable[bytes | FlushMark],
        bytes_per_s: int,
        kept_s: float,
        clock: Clock,
    ) -> None:
        self.replay = ReplayBuffer(self._counted(audio))
        self._bytes_per_s = bytes_per_s
        self._kept_s = kept_s
        self._clock = clock
        self._sent_until = 0
        self._sent_at = -math.inf
        self._taken_bytes = 0
        self._dropped_bytes = 0
        self._call_began_s = 0.0

    @property
    def _before_s(self) -> float:
        return self._dropped_bytes / self._bytes_per_s

    @property
    def _taken_s(self) -> float:
        return self._taken_bytes / self._bytes_per_s

    async def _counted(
        self, audio: AsyncIterable[bytes | FlushMark]
    ) -> AsyncGenerator[bytes | FlushMark]:
        async for item in audio:
            if not isinstance(item, FlushMark):
                self._taken_bytes += len(item)
            yield item

    async def kept_and_new(self) -> AsyncGenerator[bytes | FlushMark]:
        """What is kept, in bursts, and then what comes."""
        self._sent_until, kept_until = self.replay.start, self.replay.end
        sent_bytes = 0
        async for item in self.replay.read(self.replay.start):
            yield item
            self._sent_at = self._clock()
            self._sent_until = max(self._sent_until + 1, self.replay.start)
            if self._sent_until < kept_until and not isinstance(item, FlushMark):
                sent_bytes += len(item)
                if sent_bytes >= BURST_S * self._bytes_per_s:
                    sent_bytes = 0
                    await asyncio.sleep(BURST_PAUSE_S)

    def next_to_hear(self, seen_until: float) -> int:
        """From which position on there is something to hear for a worker that has seen what was
        sent until then, and owes nothing for it."""
        return self._sent_until if self._sent_at <= seen_until else self.replay.start

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
        while (kept_s := self._taken_s - self._before_s) > self._kept_s:
            if self.replay.start >= self._sent_until and kept_s <= UNSENT_S:
                return  # the worker is to hear it first
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
            self._dropped_bytes += len(item)
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
