"""The status that a worker answers to GetStatus."""

import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version

import psutil

from parley.rpc.v1 import status_pb2 as pb
from workers.serving.admission import Slots


@dataclass(frozen=True, kw_only=True)
class WorkerIdentity:
    """Who answers."""

    kind: "pb.WorkerKind.ValueType"
    engine: str
    port: int
    device: str = "cpu"
    started_s: float = field(default_factory=time.monotonic)

    @property
    def worker_id(self) -> str:
        """Unique among running workers, and the same after a restart: it labels metrics."""
        return f"{socket.gethostname()}-{self.port}"

    def status(
        self,
        slots: Slots,
        voices: Iterable[pb.Voice],
        *,
        pending: int = 0,
        recent_work_s: float = 0.0,
    ) -> pb.WorkerStatus:
        status = pb.WorkerStatus(
            worker_id=self.worker_id,
            kind=self.kind,
            engine=self.engine,
            version=_version(),
            slots=slots.count,
            in_flight=slots.in_flight,
            queue_depth=slots.queue_depth,
            draining=slots.draining,
            resident_bytes=psutil.Process().memory_info().rss,
            voices=voices,
            device=self.device,
            pending=pending,
        )
        status.recent_work.FromTimedelta(timedelta(seconds=recent_work_s))
        status.uptime.FromTimedelta(timedelta(seconds=time.monotonic() - self.started_s))
        return status


def _version() -> str:
    try:
        return version("parley")
    except PackageNotFoundError:  # run from a checkout
        return "checkout"
