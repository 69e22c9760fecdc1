"""An event loop whose clock is turned: waiting takes no time and happens in order."""

import asyncio
from typing import Any


class FakeClockLoop(asyncio.SelectorEventLoop):
    """Jumps to the next timer instead of sleeping until it."""

    def __init__(self) -> None:
        super().__init__()
        self._now_s = 0.0
        select = self._selector.select  # type: ignore[attr-defined]

        def turned(timeout_s: float | None = None) -> Any:
            if timeout_s is None:
                raise RuntimeError("nothing is scheduled: the test would wait for ever")
            self._now_s += max(0.0, timeout_s)
            return select(0)

        self._selector.select = turned  # type: ignore[attr-defined]

    def time(self) -> float:
        return self._now_s
