"""Time as a value that is handed in, so that tests turn a clock instead of sleeping."""

import time
from collections.abc import Callable

Clock = Callable[[], float]
"""Seconds of a clock that never runs backwards."""

monotonic: Clock = time.monotonic
