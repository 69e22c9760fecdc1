"""gRPC channels to workers, and gRPC failures as Parley's errors."""

from typing import cast

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from parley.errors import (
    InvalidSpeechRequestError,
    SpeechError,
    VoiceNotFoundError,
    WorkersBusyError,
    WorkerUnavailableError,
)

_OPTIONS = (
    # A frozen worker is noticed by its unanswered ping: without the timeout nothing shows for 40 s.
    ("grpc.keepalive_time_ms", 1000),
    ("grpc.keepalive_timeout_ms", 1000),
    ("grpc.http2.ping_timeout_ms", 2000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.keepalive_permit_without_calls", 1),
    # A worker that comes back is found again soon.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)

DEFAULT_RETRY_AFTER_S = 0.2


def open_channel(target: str) -> grpc.aio.Channel:
    """A channel to one worker; belongs to the running event loop (open it after a fork)."""
    return grpc.aio.insecure_channel(target, options=_OPTIONS)


class Channels:
    """The open channels to workers, one each; they belong to the running event loop."""

    def __init__(self) -> None:
        self._channels: dict[str, grpc.aio.Channel] = {}

    def to(self, target: str) -> grpc.aio.Channel:
        if target not in self._channels:
            self._channels[target] = open_channel(target)
        return self._channels[target]

    async def aclose(self) -> None:
        channels, self._channels = list(self._channels.values()), {}
        for channel in channels:
            await channel.close()


def as_speech_error(error: grpc.aio.AioRpcError, *, target: str) -> SpeechError:
    """The Parley error that a failed call to the worker at `target` stands for."""
    code, message = error.code(), error.details() or ""
    if code is grpc.StatusCode.NOT_FOUND:
        return VoiceNotFoundError(message)
    if code in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION):
        return InvalidSpeechRequestError(message)
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return WorkersBusyError(message, retry_after_s=_retry_after_s(error))
    return WorkerUnavailableError(f"speech worker {target}: {code.name}: {message}")


def _retry_after_s(error: grpc.aio.AioRpcError) -> float:
    status = rpc_status.from_call(cast(grpc.Call, error))  # it has all that is read
    for detail in status.details if status else ():
        retry = error_details_pb2.RetryInfo()
        if detail.Unpack(retry):
            return float(retry.retry_delay.ToTimedelta().total_seconds())
    return DEFAULT_RETRY_AFTER_S
