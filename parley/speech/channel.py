"""gRPC channels to workers, and gRPC failures as Parley's errors."""

from collections.abc import Collection
from fnmatch import fnmatchcase
from typing import cast

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from parley.errors import (
    InvalidSpeechRequestError,
    SpeechError,
    StreamIdleError,
    VoiceNotFoundError,
    WorkerDeclinedError,
    WorkersBusyError,
    WorkerUnavailableError,
)
from parley.tls import ClientTls

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
_LAST_CALLS_S = 1.0

IDLE_REASONS = ("TEXT_TIMEOUT", "AUDIO_TIMEOUT")
"""Why a worker ends a stream in which nothing comes."""

DECLINED_REASONS = ("DRAINING", "VOICE_UNAVAILABLE")
"""Why a worker that is well does not serve a request that another may."""

NOBODY_LISTENS = "nothing listens there"
_FAULTS = {
    "Connection refused": NOBODY_LISTENS,
    "CERTIFICATE_VERIFY_FAILED": "its certificate is not of the authority in tls.ca",
    "Hostname Verification Check failed": "its certificate is for another name: tls.server_name "
    "says which one is meant",
    "WRONG_VERSION_NUMBER": "it speaks plain text, and tls is configured here",
    "failed to connect to all addresses; last error: UNAVAILABLE: *Socket closed": "it closes the "
    "connection: it wants TLS, and a certificate of its own authority",
}
"""What gRPC 1.85 says when no connection comes about, and what that means."""


def open_channel(target: str, tls: ClientTls | None = None) -> grpc.aio.Channel:
    """A channel to one worker; belongs to the running event loop (open it after a fork)."""
    if tls is None:
        return grpc.aio.insecure_channel(target, options=_OPTIONS)
    return grpc.aio.secure_channel(target, tls.credentials, options=(*_OPTIONS, *tls.options))


class Channels:
    """The open channels to workers, one each; they belong to the running event loop."""

    def __init__(self, tls: ClientTls | None = None) -> None:
        self._tls = tls
        self._channels: dict[str, grpc.aio.Channel] = {}

    def to(self, target: str) -> grpc.aio.Channel:
        if target not in self._channels:
            self._channels[target] = open_channel(target, self._tls)
        return self._channels[target]

    async def forget_others(self, targets: Collection[str]) -> None:
        """Closes the channels to all but `targets`: workers come and go, and a channel to one that
        has gone would try to reach it for ever."""
        for target in set(self._channels).difference(targets):
            await self._channels.pop(target).close(_LAST_CALLS_S)

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
    if code is grpc.StatusCode.DEADLINE_EXCEEDED and _reason(error) in IDLE_REASONS:
        return StreamIdleError(f"speech worker {target}: {message}")
    if code is grpc.StatusCode.UNAVAILABLE and _reason(error) in DECLINED_REASONS:
        return WorkerDeclinedError(f"speech worker {target}: {message}")
    message = connection_fault(error) or f"{code.name}: {message}"
    return WorkerUnavailableError(f"speech worker {target}: {message}")


def connection_fault(error: grpc.aio.AioRpcError) -> str | None:
    """Why no connection to the worker comes about, in plain words; None where it is unclear."""
    message = error.details() or ""
    for said, meant in _FAULTS.items():
        if fnmatchcase(message, f"*{said}*"):
            return meant
    return None


def _reason(error: grpc.aio.AioRpcError) -> str:
    status = rpc_status.from_call(cast(grpc.Call, error))  # it has all that is read
    for detail in status.details if status else ():
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            return str(info.reason)
    return ""


def _retry_after_s(error: grpc.aio.AioRpcError) -> float:
    status = rpc_status.from_call(cast(grpc.Call, error))  # it has all that is read
    for detail in status.details if status else ():
        retry = error_details_pb2.RetryInfo()
        if detail.Unpack(retry):
            return float(retry.retry_delay.ToTimedelta().total_seconds())
    return DEFAULT_RETRY_AFTER_S
