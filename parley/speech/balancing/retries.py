"""How one request goes on after failures: at another worker, or at all of them a little later.

A hop has one owner of its retries, and here it is: what calls a pool does not ask again.
"""

import asyncio
from random import Random

from parley.clock import Clock
from parley.errors import (
    SpeechError,
    VoiceNotFoundError,
    WorkersBusyError,
    WorkerUnavailableError,
)

MAX_WORKERS_TRIED = 3
BUSY_LIMIT_S = 8.0
"""How long a request waits for workers at capacity: nobody has heard anything meanwhile."""
SHORTEST_WAIT_S = 0.05
JITTER = 0.5
"""Clients that were refused together do not come back together."""

RETRIED = (WorkersBusyError, WorkerUnavailableError, VoiceNotFoundError)
"""Failures after which another worker may do better."""


class Retries:
    """The workers that failed one request since it last made progress, and why."""

    def __init__(self, *, clock: Clock, random: Random, busy_limit_s: float = BUSY_LIMIT_S) -> None:
        self.failed: dict[str, SpeechError] = {}
        self._clock = clock
        self._random = random
        self._busy_limit_s = busy_limit_s
        self._busy_since_s: float | None = None
        self._count = 0

    def note(self, target: str, error: SpeechError) -> None:
        """The worker failed the request."""
        self._count += 1
        self.failed[target] = error

    @property
    def exhausted(self) -> bool:
        """Whether enough workers have been tried in a row."""
        return self._count >= MAX_WORKERS_TRIED

    @property
    def refused(self) -> bool:
        """Whether a worker at capacity is among those that failed it."""
        return any(isinstance(error, WorkersBusyError) for error in self.failed.values())

    @property
    def leave_one(self) -> bool:
        """Whether the next failure is the last."""
        return self._count >= MAX_WORKERS_TRIED - 1

    def progressed(self) -> None:
        """The request was served: what failed before no longer counts."""
        self._busy_since_s = None
        self._forget()

    def start_over(self) -> None:
        """All workers may be asked anew."""
        self._forget()

    async def until_capacity(self, error: SpeechError) -> None:
        """Waits as long as the workers at capacity said; then all may be asked anew.

        Raises `error` where none was at capacity, and WorkersBusyError once that has lasted for
        the limit.
        """
        errors = (*self.failed.values(), error)
        busy = [each for each in errors if isinstance(each, WorkersBusyError)]
        if not busy:
            raise error
        now_s = self._clock()
        if self._busy_since_s is None:
            self._busy_since_s = now_s
        left_s = self._busy_since_s + self._busy_limit_s - now_s
        if left_s <= 0:
            raise busy[-1]
        wait_s = max(SHORTEST_WAIT_S, min(each.retry_after_s for each in busy))
        wait_s *= self._random.uniform(1 - JITTER, 1 + JITTER)
        await asyncio.sleep(min(wait_s, left_s))
        self._forget()

    def _forget(self) -> None:
        self._count = 0
        self.failed.clear()
