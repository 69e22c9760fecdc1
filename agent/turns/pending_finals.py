"""The last words of a turn, where the framework takes it for ended before they are recognized.

It ends a turn after so much silence, with what recognition has made by then: of "I like that, ...
better than anything else" the first half, when the second is still being decoded. An answer to
half a sentence would follow, and the other half would pass for a murmur over it.
"""

import asyncio
import logging
from collections.abc import Callable

PATIENCE_S = 5.0
"""How long a turn waits for its last words."""
CHECK_S = 0.05

_log = logging.getLogger(__name__)


class PendingFinals:
    """Counts what recognition was asked to finish, and hands what comes of it to the turn."""

    def __init__(self) -> None:
        self._pending = 0
        self._answered = asyncio.Event()
        self._words: list[str] | None = None

    @property
    def awaited(self) -> bool:
        """Whether a turn is waiting: what is recognized belongs to it and is no turn by itself."""
        return self._words is not None

    @property
    def owed(self) -> bool:
        """Whether recognition works on something that it was asked to finish."""
        return self._pending > 0

    def asked(self) -> None:
        """Recognition was asked to finish what has been said."""
        self._pending += 1

    def take(self, text: str) -> bool:
        """Gives `text`, which will not change any more, to the turn that waits, if one does."""
        if self._words is None:
            return False
        if text:
            self._words.append(text)
        return True

    def answered(self) -> None:
        """Recognition has finished what it was asked for."""
        self._pending = max(0, self._pending - 1)
        self._answered.set()

    def lost(self) -> None:
        """Nothing that was asked for will be answered."""
        self._pending = 0
        self._answered.set()

    async def of_turn(self, goes_on: Callable[[], bool] = lambda: False) -> str:
        """What had been said and not been recognized when the turn ended; often nothing.

        `goes_on`: whether the person has begun to speak again since: that is waited for, too.
        Does without what takes longer than PATIENCE_S. One turn at a time.
        """
        words = self._words = []
        try:
            async with asyncio.timeout(PATIENCE_S):
                while self._pending or goes_on():
                    if self._pending:
                        self._answered.clear()
                        await self._answered.wait()
                    else:
                        await asyncio.sleep(CHECK_S)
        except TimeoutError:
            _log.warning("the last words of a turn took longer than %.0f s", PATIENCE_S)
        finally:
            self._words = None
        return " ".join(words)
