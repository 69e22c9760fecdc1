"""How calls to a worker fail: gRPC statuses with google.rpc details, one constructor per kind.

The codes and details are those that the comments in proto/parley/rpc/v1 promise.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from parley.errors import ParleyError

_log = logging.getLogger(__name__)

ERROR_DOMAIN = "parley"
MOST_QUOTED = 80


class RequestError(ParleyError):
    """Ends a call with `code`, a message for people and google.rpc `details` for programs."""

    def __init__(self, code: grpc.StatusCode, message: str, *details: Message) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details

    def status(self) -> grpc.Status:
        """The status as it travels."""
        packed = []
        for detail in self.details:
            packed.append(AnyMessage())
            packed[-1].Pack(detail)
        return rpc_status.to_status(
            status_pb2.Status(code=self.code.value[0], message=self.message, details=packed)
        )


def quoted(text: str) -> str:
    """What a client has sent, in a message: its beginning, for messages travel in headers, whose
    size is limited."""
    return repr(text if len(text) <= MOST_QUOTED else f"{text[:MOST_QUOTED]}…")


def invalid_argument(field: str, description: str) -> RequestError:
    """The request cannot be served as it is; `field` is the path of what is wrong in it."""
    violation = error_details_pb2.BadRequest.FieldViolation(field=field, description=description)
    return RequestError(
        grpc.StatusCode.INVALID_ARGUMENT,
        f"{field}: {description}",
        error_details_pb2.BadRequest(field_violations=[violation]),
    )


def not_found(message: str, *, reason: str) -> RequestError:
    return RequestError(grpc.StatusCode.NOT_FOUND, message, _reason(reason))


def failed_precondition(message: str, *, reason: str) -> RequestError:
    return RequestError(grpc.StatusCode.FAILED_PRECONDITION, message, _reason(reason))


def resource_exhausted(message: str, *, retry_after_s: float) -> RequestError:
    """Every slot is taken; asking again makes sense after `retry_after_s`."""
    delay = Duration()
    delay.FromTimedelta(timedelta(seconds=retry_after_s))
    return RequestError(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        message,
        error_details_pb2.RetryInfo(retry_delay=delay),
    )


def unavailable(message: str, *, reason: str) -> RequestError:
    """This worker cannot, another may."""
    return RequestError(grpc.StatusCode.UNAVAILABLE, message, _reason(reason))


def deadline_exceeded(message: str, *, reason: str) -> RequestError:
    return RequestError(grpc.StatusCode.DEADLINE_EXCEEDED, message, _reason(reason))


def internal(message: str, *, reason: str) -> RequestError:
    """The engine failed; `reason` is a constant in UPPER_SNAKE_CASE."""
    return RequestError(grpc.StatusCode.INTERNAL, message, _reason(reason))


@asynccontextmanager
async def answering_errors(context: grpc.aio.ServicerContext[Any, Any]) -> AsyncIterator[None]:
    """Ends the call with the status of a CallError raised inside; anything else is INTERNAL.

    Wrap the whole body of a handler in it. Cancellation passes through.
    """
    try:
        yield
    except RequestError as error:
        await _abort(context, error)
    except grpc.aio.AbortError:
        raise
    except DecodeError:
        await _abort(context, invalid_argument("message", "is none that this call takes"))
    except grpc.aio.InternalError:  # a message could not be sent
        _log.debug("a client went away", exc_info=True)
    except Exception as error:
        _log.exception("a call failed")
        message = f"{type(error).__name__}: {error}"
        await _abort(context, internal(message, reason="UNEXPECTED"))


async def _abort(context: grpc.aio.ServicerContext[Any, Any], error: RequestError) -> None:
    status = error.status()
    await context.abort(status.code, status.details, status.trailing_metadata)


def _reason(reason: str) -> error_details_pb2.ErrorInfo:
    return error_details_pb2.ErrorInfo(reason=reason, domain=ERROR_DOMAIN)
