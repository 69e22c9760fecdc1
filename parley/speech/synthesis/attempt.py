"""One worker's attempt at an utterance, watched: a worker that does not respond counts as lost.

gRPC notices a killed worker at once, a frozen one after its ping timeout, and one whose event
loop hangs never. So audio is expected within a limit of the text.
"""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack

from parley.clock import Clock
from parley.errors import (
    StreamIdleError,
    WorkerDeclinedError,
    WorkerStalledError,
    WorkerUnavailableError,
)
from parley.speech.balancing.picker import Candidate
from parley.speech.balancing.roster import LOAD_SLACK
from parley.speech.balancing.scoreboard import Scoreboard
from parley.speech.synthesis.client import AudioChunk, SpeechEvent, SynthesisCall
from parley.speech.synthesis.utterance import Utterance

ADMISSION_LIMIT_S = 1.0
LOADING_LIMIT_S = 20.0
"""Admission where the voice has to be loaded first."""
FIRST_AUDIO_LIMIT_S = 1.0
UNKNOWN_LOAD_LIMIT_S = 3.0
"""To the first audio where no worker has told yet how long its work takes, and all have some: who
moves on would have the text made twice."""
LONGEST_GAP_S = 1.5
SHORTEST_LIMIT_S = 0.3
MARGIN_S = 0.3
"""Time to move to another worker before the audio received so far has been played."""
ALONE_LIMIT_S = 10.0
"""Where no other worker could take over, a slow one is better than none; where the load lets expect
it, no text may take longer."""
CHECK_S = 0.05


class Attempt:
    """Reads a call's events until they end, fail or fail to come. Always `aclose` it."""

    def __init__(
        self,
        call: SynthesisCall,
        *,
        candidate: Candidate,
        utterance: Utterance,
        scoreboard: Scoreboard,
        alone: Callable[[], bool],
        expected_s: Callable[[], float],
        others_full: Callable[[], bool],
        clock: Clock,
    ) -> None:
        """`alone`: whether no other worker could take the utterance over now; `others_full`:
        whether those that could have no slot free. `expected_s`: how long a text takes now, by the
        load that the workers report."""
        self.target = call.target
        self._call = call
        self._utterance = utterance
        self._scoreboard = scoreboard
        self._clock = clock
        self._alone = alone
        self._expected_s = expected_s
        self._others_full = others_full
        warm = utterance.request.voice in candidate.resident
        self._admission_limit_s = ADMISSION_LIMIT_S if warm else LOADING_LIMIT_S
        self._counted = ExitStack()
        self._own = self._counted.enter_context(scoreboard.call(call.target))
        self._reading: asyncio.Task[SpeechEvent | None] | None = None
        self._admitted = False
        self._first_audio_at: float | None = None
        self._took_s = 0.0
        self._waiting_since = self._asked_at = clock()

    @property
    def waited_s(self) -> float:
        """How long a response has been pending; 0 while none is."""
        if self._admitted and not self._call.has_pending_text:
            self._waiting_since = self._asked_at = self._clock()
        return self._clock() - self._waiting_since

    async def read(self) -> SpeechEvent | None:
        """The next event, None after the last; raises SpeechError subclasses.

        May be cancelled and called again: nothing is lost in between.
        """
        try:
            event = await self._next()
        except (StreamIdleError, WorkerDeclinedError):
            raise  # it is as good as before for all others
        except WorkerUnavailableError:
            self._scoreboard.lost(self.target)
            raise
        self._waiting_since = self._clock()
        if not self._admitted:
            self._admitted = True
            self._asked_at = self._waiting_since
        else:
            self._own.keeps_busy(self._call.has_pending_text)
        if isinstance(event, AudioChunk) and self._first_audio_at is None:
            self._first_audio_at = self._clock()
            self._scoreboard.answered(self.target)
            if not self._utterance.received_s:  # later it has all that was said to make again
                self._took_s = self._first_audio_at - self._asked_at
                self._scoreboard.sounded(self.target, self._took_s)
        return event

    async def _next(self) -> SpeechEvent | None:
        if self._reading is None:
            self._reading = asyncio.create_task(self._call.read(), name="synthesis-read")
        while not self._reading.done():
            await asyncio.wait({self._reading}, timeout=CHECK_S)
            if self._call.has_pending_text:
                self._own.keeps_busy(True)
            if not self._reading.done() and self.waited_s > self._limit_s():
                raise WorkerStalledError(
                    f"speech worker {self.target} said nothing for {self.waited_s:.1f} s"
                )
        reading, self._reading = self._reading, None
        return reading.result()

    async def until_audio(self) -> list[SpeechEvent | None]:
        """The events up to the first audio, or up to the end where none comes."""
        events: list[SpeechEvent | None] = []
        while not events or not (events[-1] is None or isinstance(events[-1], AudioChunk)):
            events.append(await self.read())
        return events

    async def aclose(self) -> None:
        """Cancels the call unless it has ended; may be called again."""
        self._counted.close()
        await self._call.aclose()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    def _limit_s(self) -> float:
        if not self._admitted:
            return self._admission_limit_s
        if self._alone():
            return ALONE_LIMIT_S
        loaded_s = min(ALONE_LIMIT_S, LOAD_SLACK * self._expected_s())
        if self._first_audio_at is None:
            resumed_s = SHORTEST_LIMIT_S if self._utterance.received_s else 0.0
            unknown_s = 0.0 if loaded_s or not self._others_full() else UNKNOWN_LOAD_LIMIT_S
            return max(resumed_s + FIRST_AUDIO_LIMIT_S, loaded_s, unknown_s)
        played_s = self._clock() - self._first_audio_at
        buffered_s = self._utterance.received_s - played_s
        # Another worker takes as long as the quickest does, as far as one knows: to move sooner
        # gains nothing.
        usual_s = (self._expected_s() or self._took_s) + MARGIN_S
        gap_s = min(LONGEST_GAP_S, max(SHORTEST_LIMIT_S, buffered_s - MARGIN_S, usual_s))
        # Whoever moves to a worker that is full waits there, and leaves work undone here.
        return max(LONGEST_GAP_S, loaded_s) if self._others_full() else gap_s
