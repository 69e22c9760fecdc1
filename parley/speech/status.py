"""What a worker says of itself: asked for over gRPC, and as its clients go by it."""

from dataclasses import dataclass
from typing import Self

import grpc

from parley.discovery.lease import Kind
from parley.rpc.v1 import recognition_pb2_grpc, status_pb2, synthesis_pb2_grpc

_STORED = (
    status_pb2.VOICE_RESIDENCY_CACHED,
    status_pb2.VOICE_RESIDENCY_LOADING,
    status_pb2.VOICE_RESIDENCY_RESIDENT,
)


async def worker_status(
    channel: grpc.aio.Channel, kind: Kind, *, timeout_s: float | None = None
) -> status_pb2.WorkerStatus:
    """The status of the worker at the other end; raises grpc.aio.AioRpcError."""
    stub = (
        synthesis_pb2_grpc.SpeechSynthesisStub(channel)
        if kind == "synthesis"
        else recognition_pb2_grpc.SpeechRecognitionStub(channel)
    )
    return (await stub.GetStatus(status_pb2.GetStatusRequest(), timeout=timeout_s)).status


@dataclass(frozen=True, kw_only=True)
class Reported:
    """The part of a worker's status that decides whether it is asked."""

    slots: int
    load: int
    """Streams, running and waiting."""
    expected_s: float
    """What one more request waits for."""
    draining: bool
    voices: frozenset[str] | None
    """Those it can serve; None where it has none to name."""
    stored: frozenset[str]
    resident: frozenset[str]

    @classmethod
    def of(cls, status: status_pb2.WorkerStatus) -> Self:
        recent_s: float = status.recent_work.ToTimedelta().total_seconds()
        voices = status.voices
        return cls(
            slots=status.slots,
            load=status.in_flight + status.queue_depth,
            expected_s=(status.pending + 1) * recent_s,
            draining=status.draining,
            voices=frozenset(voice.name for voice in voices) or None,
            stored=frozenset(voice.name for voice in voices if voice.residency in _STORED),
            resident=frozenset(
                voice.name
                for voice in voices
                if voice.residency == status_pb2.VOICE_RESIDENCY_RESIDENT
            ),
        )
