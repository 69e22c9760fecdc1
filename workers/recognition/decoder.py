"""One recognizer for all speakers: the most urgent job first, similar jobs as one batch."""

import asyncio
import logging
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from enum import IntEnum
from types import TracebackType
from typing import Self

from parley.clock import Clock, monotonic
from parley.errors import ParleyError
from workers.engines.asr_engine import (
    DecodeAbandonedError,
    DecodedText,
    DecodeRequest,
    Draft,
    Recognizer,
)
from workers.recognition.guards import settle

_log = logging.getLogger(__name__)

_NEWEST_SHARE = 0.2
_RENEWAL_REST = 2.0
"""After a PARTIAL those that only renew another rest so many times as long as it took: they take a
third of the thread at most, however many speak, and who pauses seldom finds one under way."""
_LARGEST_BATCH = 4
_BATCH_SPREAD = 1.5
"""A batch costs each of its requests the time of the longest."""


class DecoderEndedError(ParleyError):
    """Nothing is decoded any more; only a new process helps."""


class Urgency(IntEnum):
    """Lower is sooner."""

    FINAL = 0
    PREFLIGHT = 1
    PARTIAL = 2


class Job:
    """A decode that somebody waits for.

    `take_request` is asked when the decode begins, so that what waited is decoded as it is
    then; what it raises is the job's failure. `result` gives what was said, None when the text of
    a PARTIAL was no good; it is cancelled with the job. A PARTIAL that `renews` another tells more
    of speech that is told in part already.
    """

    def __init__(
        self,
        take_request: Callable[[], DecodeRequest],
        urgency: Urgency,
        *,
        renews: bool = False,
    ) -> None:
        self.take_request = take_request
        self.urgency = urgency
        self.renews = renews
        self.result: asyncio.Future[DecodedText | None] = asyncio.get_running_loop().create_future()
        self.request: DecodeRequest | None = None
        self.drafts: list[Draft] = []
        self.decode_s = 0.0
        self.is_settled = True
        """False for the text of a PARTIAL that another attempt may hear better."""

    @property
    def has_begun(self) -> bool:
        return self.request is not None


class Decoder:
    """Use as an async context manager; belongs to one event loop, decodes in one thread."""

    def __init__(self, recognizer: Recognizer, *, clock: Clock = monotonic) -> None:
        self._recognizer = recognizer
        self._clock = clock
        self._renewals_from = -math.inf
        self._largest_batch = min(_LARGEST_BATCH, recognizer.largest_batch)
        self._waiting: list[Job] = []
        self._most_urgent = Urgency.PARTIAL
        self._changed = asyncio.Event()
        self._running = 0
        self._recent_s = 0.0
        self._failure: BaseException | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="decoding")

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="decoder")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._thread.shutdown()  # at most one decode ends first

    @property
    def pending(self) -> int:
        """Decodes that somebody waits for: those that run, and those more urgent than a PARTIAL."""
        return self._running + self.waiting

    @property
    def waiting(self) -> int:
        """Decodes that have not begun, but for PARTIALs: those are dropped where it is full."""
        return sum(job.urgency < Urgency.PARTIAL for job in self._waiting)

    @property
    def recent_s(self) -> float:
        """How long a decode took lately; 0 before the first."""
        return self._recent_s

    async def ended(self) -> None:
        """Returns once the decoder has ended by itself: then it decodes nothing any more."""
        await asyncio.wait({self._task})

    def check(self) -> None:
        """Raises DecoderEndedError where the decoder has ended by itself."""
        if self._failure is not None:
            raise DecoderEndedError(f"the decoder has ended: {self._failure!r}") from self._failure

    def submit(
        self,
        take_request: Callable[[], DecodeRequest],
        urgency: Urgency,
        *,
        renews: bool = False,
    ) -> Job:
        """Raises DecoderEndedError."""
        self.check()
        job = Job(take_request, urgency, renews=renews)
        self._waiting.append(job)
        self._notice()
        return job

    def set_urgency(self, job: Job, urgency: Urgency) -> None:
        job.urgency = urgency
        self._notice()

    def cancel(self, job: Job) -> None:
        """Forgets the job; the result of a decode that has begun is dropped."""
        job.result.cancel()
        if job in self._waiting:
            self._waiting.remove(job)
        self._notice()

    def _notice(self) -> None:
        self._most_urgent = min((job.urgency for job in self._waiting), default=Urgency.PARTIAL)
        self._changed.set()

    async def _run(self) -> None:
        try:
            while True:
                while not self._ready:
                    await self._until_changed()
                await self._decode_next()
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self._end(error)
            raise

    @property
    def _ready(self) -> list[Job]:
        """Those that wait, without what rests."""
        rests = self._clock() < self._renewals_from
        return [
            job
            for job in self._waiting
            if not (rests and job.renews and job.urgency is Urgency.PARTIAL)
        ]

    async def _until_changed(self) -> None:
        """Returns as well when the rest is over for who waits for it."""
        self._changed.clear()
        rest_s = self._renewals_from - self._clock() if self._waiting else None
        with suppress(TimeoutError):
            async with asyncio.timeout(rest_s):
                await self._changed.wait()

    def _end(self, error: BaseException) -> None:
        """Whoever waits is told."""
        _log.critical("the decoder has ended", exc_info=error)
        self._failure = error
        for job in self._waiting:
            _fail(job, DecoderEndedError("the decoder has ended"))
        self._waiting.clear()

    async def _decode_next(self) -> None:
        """One batch, whatever becomes of it: an error is that of the jobs in it."""
        batch = self._next_batch()
        requests = [job.request for job in batch if job.request is not None]
        if not batch:
            return
        self._running = len(batch)
        began = self._clock()
        try:
            work = asyncio.get_running_loop().run_in_executor(
                self._thread, self._decode, batch, requests
            )
            drafts = await work
            taken_s = self._clock() - began
            if batch[0].urgency is Urgency.PARTIAL:
                rest_s = _RENEWAL_REST * taken_s
                self._renewals_from = max(self._renewals_from, self._clock() + rest_s)
            self._recent_s += (_NEWEST_SHARE if self._recent_s else 1.0) * (
                taken_s - self._recent_s
            )
            if len(drafts) != len(batch):  # then nobody knows whose words are whose
                raise ValueError(f"the engine gave {len(drafts)} texts for {len(batch)} sounds")
            for job, draft in zip(batch, drafts, strict=True):
                job.decode_s += taken_s
                self._take(job, draft)
        except DecodeAbandonedError:
            self._requeue(batch)
        except Exception as error:  # whoever waits for the text is told
            _log.exception("a decode failed")
            for job in batch:
                _fail(job, error)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            for job in batch:
                _fail(job, DecoderEndedError(f"the decoder has ended: {error!r}"))
            raise
        finally:
            self._running = 0

    def _decode(self, batch: Sequence[Job], requests: Sequence[DecodeRequest]) -> Sequence[Draft]:
        def abandoned() -> bool:
            wanted = [job for job in batch if not job.result.done()]
            can_wait = all(job.urgency is Urgency.PARTIAL for job in wanted)
            return not wanted or (can_wait and self._most_urgent < Urgency.PARTIAL)

        return self._recognizer.decode(requests, attempt=len(batch[0].drafts), abandoned=abandoned)

    def _next_batch(self) -> list[Job]:
        """The most urgent job, and those that cost it little to decode with it."""
        ready = self._ready
        first = min(ready, key=lambda job: job.urgency)
        batch: list[Job] = []
        for job in [first, *(other for other in ready if other is not first)]:
            if len(batch) == self._largest_batch or job.urgency is not first.urgency:
                continue
            try:
                request = job.request or job.take_request()
            except Exception as error:
                self._waiting.remove(job)
                _fail(job, error)
                continue
            if batch and not _is_similar(job, request, batch[0]):
                continue
            job.request = request
            batch.append(job)
        for job in batch:
            self._waiting.remove(job)
        self._notice()
        return batch

    def _take(self, job: Job, draft: Draft) -> None:
        if job.result.done():
            return
        job.drafts.append(draft)
        decoded = settle(job.drafts, attempts=self._recognizer.attempts)
        if decoded is None and job.urgency is not Urgency.PARTIAL:
            self._waiting.append(job)
            self._notice()
            return
        if decoded is None and not draft.loops:
            job.is_settled, decoded = False, draft.decoded
        job.result.set_result(decoded)

    def _requeue(self, batch: Sequence[Job]) -> None:
        for job in batch:
            if not job.result.done():
                job.request = None
                self._waiting.append(job)
        self._notice()


def _fail(job: Job, error: BaseException) -> None:
    if not job.result.done():
        job.result.set_exception(error)


def _is_similar(job: Job, request: DecodeRequest, first: Job) -> bool:
    """Whether the two can be decoded as one batch without making either wait for long."""
    other = first.request
    if other is None or len(job.drafts) != len(first.drafts):
        return False
    short, long = sorted((len(request.samples), len(other.samples)))
    return (request.language, request.hints) == (
        other.language,
        other.hints,
    ) and long <= _BATCH_SPREAD * short
