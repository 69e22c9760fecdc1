"""What the agent server and all its calls take together: CPU and memory."""

from collections.abc import Iterator
from contextlib import suppress

import psutil
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class ProcessTree(Collector):
    """This process and all under it, under the names that single processes have.

    A call is a process that ends. Its CPU time is in that of who has waited for it, so that the
    sum never falls; a page that several share is counted in each.
    """

    def collect(self) -> Iterator[Metric]:
        own = psutil.Process()
        cpu_s, memory_bytes = 0.0, 0
        for process in (own, *own.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                cpu_s += times.user + times.system + times.children_user + times.children_system
                memory_bytes += process.memory_info().rss
        yield CounterMetricFamily(
            "process_cpu_seconds", "CPU time of the agent server and all its calls", cpu_s
        )
        yield GaugeMetricFamily(
            "process_resident_memory_bytes",
            "Memory of the agent server and all its calls, shared pages counted in each",
            memory_bytes,
        )
