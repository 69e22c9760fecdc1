"""What is known of the workers of one kind: what a pool reads before it asks one, and tells after.

Two keep it: `Roster`, for a process that stands alone and for a node's agent server, and
`parley/speech/node/mirror.py`, for a call, which reads what its node knows.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Protocol

from parley.speech.balancing.picker import Candidate

Count = Callable[[int, int], None]
"""Takes how many more calls are open at a worker now, and how many more keep it busy."""


class OwnCall:
    """A call of ours, which takes a slot or only waits for text; at first it takes one."""

    def __init__(self, count: Count) -> None:
        self._count = count
        self._is_open = self._is_busy = True
        count(1, 1)

    def keeps_busy(self, busy: bool) -> None:
        """Whether the worker has something to do for it now."""
        if self._is_open and busy != self._is_busy:
            self._is_busy = busy
            self._count(0, 1 if busy else -1)

    def end(self) -> None:
        """The call is no longer open; may be called again."""
        self.keeps_busy(False)
        if self._is_open:
            self._is_open = False
            self._count(-1, 0)


class Scoreboard(Protocol):
    """Nothing here waits, `watching` and `updated` excepted: a pick takes no time."""

    def watching(self) -> AbstractAsyncContextManager[None]:
        """Keeps the knowledge fresh inside the block, which has it from the start."""
        ...

    def candidates(self) -> Sequence[Candidate]:
        """Every worker that is known, as it is now."""
        ...

    def named(self, target: str) -> str:
        """The worker for a message: its address, and why no connection comes about, if known."""
        ...

    def expected_s(self, target: str) -> float:
        """What one more request waits for there, as it last reported; 0 while nothing is known, or
        where it has not answered lately."""
        ...

    def call(self, target: str) -> AbstractContextManager[OwnCall]:
        """Counts a call of ours at the worker while it runs; at first it keeps the worker busy."""
        ...

    def lost(self, target: str) -> None:
        """The worker was lost, or owed an answer and gave none."""
        ...

    def answered(self, target: str) -> None:
        """The worker does what it should."""
        ...

    def sounded(self, target: str, first_audio_s: float) -> None:
        """What came from the worker first, so long after its text was sent."""
        ...

    def earn_hedge(self) -> None:
        """An utterance is asked for."""
        ...

    def spend_hedge(self) -> bool:
        """Whether a second worker may be asked for the same now; if so it is paid for."""
        ...

    async def updated(self) -> None:
        """Waits until the workers have been asked once more, about a second."""
        ...
