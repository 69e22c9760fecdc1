"""How many asyncio tasks a process has: what is never awaited or cancelled shows here."""

import asyncio
from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class EventLoopTasks(Collector):
    """Those of the event loop that exports them; outside of one nothing is told."""

    def collect(self) -> Iterator[Metric]:
        try:
            tasks = len(asyncio.all_tasks())
        except RuntimeError:
            return
        yield GaugeMetricFamily("event_loop_tasks", "asyncio tasks that have not ended", tasks)
