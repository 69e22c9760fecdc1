"""What the person has said that no FINAL has answered: workers that are back hear it again.

The pool replays to another worker what one has lost. Where all are away it gives up, and this is
what goes on: the question that was being asked is answered, only later.
"""

from collections import deque
from collections.abc import AsyncIterator

from parley.speech import FlushMark, Transcript, TranscriptKind

KEPT_S = 20.0
"""A question is shorter, and recognition has to catch up with all of it."""


class UnansweredSpeech:
    """Of one stream of 16-bit mono PCM at `rate_hz`."""

    def __init__(self, rate_hz: int, *, kept_s: float = KEPT_S) -> None:
        self._bytes_per_s = 2 * rate_hz
        self._most_bytes = int(kept_s * self._bytes_per_s)
        self._items: deque[bytes | FlushMark] = deque()
        self._bytes = 0
        self._forgotten_bytes = 0
        """Of the current call: where its oldest kept item stands."""

    async def kept_of(
        self, new: AsyncIterator[bytes | FlushMark]
    ) -> AsyncIterator[bytes | FlushMark]:
        """For a new call: what is kept, and then what comes, which is kept as well."""
        self._forgotten_bytes = 0
        for item in tuple(self._items):
            yield item
        async for item in new:
            self.add(item)
            yield item

    def add(self, item: bytes | FlushMark) -> None:
        """Keeps it as the latest."""
        self._items.append(item)
        self._bytes += _length(item)
        while self._bytes > self._most_bytes:
            self._forget_oldest()

    def answered(self, transcript: Transcript) -> None:
        """Forgets what a FINAL has answered; its times are those of the current call."""
        if transcript.kind is not TranscriptKind.FINAL:
            return
        while self._items:
            is_later = self._forgotten_bytes / self._bytes_per_s >= transcript.end_s
            if not transcript.flush_id and is_later:
                return
            item = self._forget_oldest()
            if isinstance(item, FlushMark) and item.flush_id == transcript.flush_id:
                return

    def _forget_oldest(self) -> bytes | FlushMark:
        item = self._items.popleft()
        self._bytes -= _length(item)
        self._forgotten_bytes += _length(item)
        return item


def _length(item: bytes | FlushMark) -> int:
    return 0 if isinstance(item, FlushMark) else len(item)
