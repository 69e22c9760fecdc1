"""How many asyncio tasks a process has: what is never awaited or cancelled shows here."""

import asyncio
from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class EventLoopTasks(Collector):
    """The tasks of `loop`; None: of the loop that runs where it is asked, and where none does
    nothing is told."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._loop = loop

    def collect(self) -> Iterator[Metric]:
        try:
            tasks = len(asyncio.all_tasks(self._loop))
        except RuntimeError:
            return
        yield GaugeMetricFamily("event_loop_tasks", "asyncio tasks that have not ended", tasks)
